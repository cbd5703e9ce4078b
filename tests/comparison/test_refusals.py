"""What a comparison can not work on is one sentence, before anything is trained or written."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError

SIZES = "Give shares of the unpruned file, as 1/4, or bytes, as 64kB."


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"methods": "best"}, "criterion 'best' is unknown. Choose one of fisher, "),
        ({"methods": "taylor/local,magnitude/best"}, "schedule 'best' is unknown. Choose one of global, "),
        ({"methods": ["taylor/local/heads"]}, "groups has 'heads'. Choose any of vocabulary, "),
        ({"methods": "obs/local/filters+bits"}, "criterion obs does not go with groups bits: "),
        ({"methods": "lasso:strength=1,size=2/local,taylor"}, "criterion 'lasso' has no parameter 'size'. It takes "),
        ({"methods": "/local"}, "criterion '' is unknown. "),
        ({"sizes": "2/1"}, f"sizes has '2/1'. {SIZES}"),
        ({"sizes": "1/2,0"}, f"sizes has '0'. {SIZES}"),
        ({"sizes": "-1/2"}, f"sizes has '-1/2'. {SIZES}"),
        ({"sizes": "1/0"}, f"sizes has '1/0'. {SIZES}"),
        ({"sizes": "half"}, f"sizes has 'half'. {SIZES}"),
        ({"sizes": ""}, f"sizes has ''. {SIZES}"),
        ({"sizes": "nan,1e999"}, f"sizes has 'nan'. {SIZES}"),
        ({"sizes": "1/4,64kB"}, "sizes mixes shares and bytes. Give all of them as 1/4, or all of them as 64kB."),
        ({"seeds": 0}, "seeds is 0: it must be at least 1."),
        ({"seeds": -3}, "seeds is -3: it must be at least 1."),
        ({"seeds": "3"}, "seeds is '3': it must be a whole number."),
        ({"autotune": 1.5}, "autotune is 1.5: it must be seconds, or a time such as 5m."),
        ({"autotune": "1.5s"}, "autotune is '1.5s': it must be whole seconds"),
        ({"autotune": -1}, "autotune is '-1': it must be a positive number with a unit of s, m or h"),
        ({"colour": "red"}, "compare has no option 'colour'. prunetext compare --help "),
        ({"epochs": 0.0}, "epochs is 0.0: it must be more than 0"),
        ({"dimensions": -1}, "dimensions is -1: it must be from 0 to 4096."),
        ({"max_drop": -1.0}, "max_drop is -1.0: it must be between 0 and 100."),
        ({"max_size": "64kB"}, "compare takes no max_size. Give methods, sizes and seeds."),
        ({"precision": 0.9}, "compare takes no precision. Give methods, sizes and seeds."),
        ({"criterion": "obs", "schedule": "local"}, "compare takes no criterion. Give methods, sizes and seeds."),
        ({"out": ""}, "out is an empty name. Give a new folder."),
        ({"data": 3}, "data is 3: it must be a path, a data frame, prunetext.Examples(texts, labels)"),
        ({"data": "none.csv"}, "none.csv: there is no such file or folder."),
        ({"data": Examples([], [])}, "data: there are too few different texts"),
        (
            {"data": Examples(list("abcdefghijklmnopqrst"), ["same"] * 20)},
            "data: every text of train has the same label",
        ),
        (
            {"data": Examples(list("abcdefghijklmnopqrst"), ["yes", "no"] * 10, pairs=["the same"] * 20)},
            "data: it holds pairs of texts with one label each, but compare takes",
        ),
        (
            {"data": Examples(list("abcdefghijklmnopqrst"), [["yes"], ["no"]] * 10)},
            "data: it holds single texts with several labels each, but compare takes",
        ),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    toy_data: Callable[..., Data], tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    given = {"data": toy_data(), "out": tmp_path / "out", "methods": "taylor/local", **options}
    with pytest.raises(InputError) as error:
        prunetext.compare(given.pop("data"), **given)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_out_may_be_no_file_and_not_missing(toy_data: Callable[..., Data], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", "utf-8")
    with pytest.raises(InputError, match="file/seed-0 cannot be written"):
        prunetext.compare(toy_data(), out=tmp_path / "file", methods="taylor/local")
    assert (tmp_path / "file").read_text("utf-8") == "mine"
    with pytest.raises(InputError, match="out"):
        prunetext.compare(toy_data())  # type: ignore[call-arg]


def test_rows_of_somebody_else_are_refused(toy_data: Callable[..., Data], tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"mine": 1}\n{"mine": 2}\n', "utf-8")
    with pytest.raises(InputError, match=r"rows\.jsonl, line 1: this is not a row of a comparison\. Remove it\.$"):
        prunetext.compare(toy_data(), out=tmp_path, methods="taylor/local")
    assert [each.name for each in tmp_path.iterdir()] == ["rows.jsonl"]
