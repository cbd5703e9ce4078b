"""A call that a public function cannot take is one sentence that names the argument, never a bare TypeError."""

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.packing import pack
from prunetext.data.task import Task
from prunetext.errors import InputError, ModelFileError, brief

FUNCTIONS = [name for name in prunetext.__all__ if isinstance(getattr(prunetext, name), types.FunctionType)]
# What only tests, or the code that calls for news, pass.
INNER = {"effort", "amounts", "told", "row", "progress", "vectors", "source"}
VALUES = [None, object(), 3, 1.5, float("nan"), True, b"xyz", b"y" * 5000, "x", [], ["a"], {"a": 1}, len, "x" * 5000]


def refused(call: Callable[[], Any]) -> str:
    """The one sentence with which a call ends."""
    with pytest.raises(InputError) as error:
        call()
    said = str(error.value)
    assert "\n" not in said
    assert len(said) < 300
    return said


def test_all_functions_are_there() -> None:
    assert {"fit", "load", "evaluate", "bench", "predict"} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_call_with_too_few_too_many_or_unknown_arguments_is_one_sentence(name: str) -> None:
    function = getattr(prunetext, name)
    remedy = f"; help(prunetext.{name}) lists what it takes."
    assert refused(function) == f"{name}() missing " + refused(function).partition(" missing ")[2]
    assert refused(function).endswith(remedy)
    assert refused(lambda: function(*["x"] * 9)).endswith(remedy)
    needed = {
        each.name: "x"
        for each in inspect.signature(function).parameters.values()
        if each.default is each.empty and each.kind is not each.VAR_KEYWORD
    }
    if name in ("fit", "fit_cascade", "prune", "compare"):  # whose options are a table of their own
        needed["out"] = "run"
    else:
        assert refused(lambda: function(**needed, splitt=1)) == (
            f"{name}() got an unexpected keyword argument 'splitt'{remedy}"
        )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_argument_of_another_kind_is_named_with_the_rule(name: str) -> None:
    function = getattr(prunetext, name)
    parameters = inspect.signature(function).parameters.values()
    known = [each for each in parameters if each.kind is not each.VAR_KEYWORD and each.name not in INNER]
    assert {each.name for each in known} <= {*function.kinds, "source"}, "each argument has a kind"
    for each in known:
        for value in VALUES:
            kind = function.kinds[each.name]
            if value is each.default or kind.holds(value):
                continue
            given = {other.name: "x" for other in known if other.default is other.empty} | {each.name: value}
            said = refused(lambda given=given: function(**given))  # type: ignore[misc]
            assert said == f"{each.name} is {brief(value)}: it must be {kind.says}."


def test_the_error_of_a_callers_own_function_is_not_taken_for_a_wrong_call(tmp_path: Path) -> None:
    class Broken:
        labels = ("a", "b")
        name = "broken"
        task = Task()
        provenance: dict[str, Any] = {}  # noqa: RUF012

        def answers(self, texts: object) -> object:
            raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        prunetext.open_model(Broken()).answers(["a"])


def test_the_bytes_of_a_model_are_a_model_and_other_bytes_one_sentence(
    random_model: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    pack(random_model(), list("abcdefg"), ["x", "y", "z"], path)
    data, texts = path.read_bytes(), ["a b", "c d e", "g"]
    expected = prunetext.load(path).predict(texts)
    for buffer in (data, bytearray(data), memoryview(data)):
        assert prunetext.load(buffer).predict(texts) == expected
        assert prunetext.open_model(buffer).answers(texts).chosen.sum() == len(texts)
    for damaged in (data[:-1], b"x" * 300_000, b"", str(path).encode(), bytearray(9)):
        for function in (prunetext.load, prunetext.open_model, lambda given: prunetext.predict(given, "-")):
            with pytest.raises(ModelFileError) as error:
                function(damaged)
            assert str(error.value).startswith("the model in memory: ")
            assert len(str(error.value)) < 200


def test_the_file_of_a_run_in_the_place_of_its_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "run" / "model.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"a model")
    calls = (lambda: prunetext.prune(file, out=tmp_path / "out"), lambda: prunetext.sensitivity(file))
    for call in calls:
        assert refused(call) == f"{file}: this is a file. Give the --out of a fit, a folder."
    (file.parent / "recipe.json").write_text("{}", "utf-8")
    for call in calls:
        assert refused(call) == f"{file}: this is a file. Give the folder of its run, {file.parent}."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b"x" * 300_000, "300,000 bytes"),
        ("x" * 300_000, "'" + "x" * 77 + "…'"),
        (["x"] * 300_000, "a list of 300,000"),
        ("a\nb", r"'a\nb'"),
        ({"a": 1}, "{'a': 1}"),
        (object(), "object"),
        (float("nan"), "nan"),
    ],
)
def test_a_value_in_a_sentence_is_short(value: object, shown: str) -> None:
    assert brief(value) == shown


def test_a_number_too_long_to_be_written_is_no_error() -> None:
    assert brief(10**5000) == "int"
