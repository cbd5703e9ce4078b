"""A fit without a folder leaves nothing behind, and its result shows itself in a notebook."""

from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helpers.kills import KilledError, kill
from prunetext.data.dataset import Data
from prunetext.errors import InputError
from prunetext.fitting.finishing import Result
from prunetext.fitting.temporary import run_in


def test_the_folder_goes_with_the_result_and_the_model_stays(data: Data, run: Callable[..., Result]) -> None:
    result = run(data, None, epochs=2.0)  # type: ignore[arg-type]
    folder = result.path.parent
    assert result.path.read_bytes()
    model, again = result.model, copy.deepcopy(result)
    said = model.predict(["sign0a"])
    assert result.model is model
    del result
    gc.collect()
    assert not folder.exists()
    assert model.predict(["sign0a"]) == again.model.predict(["sign0a"]) == said
    assert pickle.loads(pickle.dumps(again)).model.predict(["sign0a"]) == said


def test_a_run_that_fails_leaves_no_folder() -> None:
    made: list[Path] = []

    def fail(folder: Path) -> Any:
        made.append(folder)
        assert folder.is_dir()
        (folder / "unfinished").mkdir()
        return kill()

    with pytest.raises(KilledError):
        run_in(None, fail)
    assert not made[0].exists()


def test_an_empty_name_is_still_refused(data: Data, run: Callable[..., Result]) -> None:
    with pytest.raises(InputError, match="empty name"):
        run(data, "")  # type: ignore[arg-type]


def test_the_model_of_a_kept_run_is_that_of_its_file(whole: Result) -> None:
    assert whole.model.labels == ["class 0", "class 1"]
    assert whole.model.size == whole.size
