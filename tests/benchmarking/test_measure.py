"""Everyone is given the same texts, as new strings, in turn; what fails is named and not measured."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.benches import FEW
from prunetext.benchmarking import cold
from prunetext.benchmarking.measure import WC, Passes
from prunetext.benchmarking.processes import EndedError, Worker
from prunetext.benchmarking.rows import Spread, ratios
from prunetext.peers.registry import Peer

Stub = Callable[..., Peer]
TEXTS = ["sign1 a", "sign0 b", "sign1 c"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "texts.json"
    path.write_text('["sign1 \\u00e9", "sign0 \\u7535"]', "utf-8")
    return path


def test_a_worker_labels_and_times(stub: Stub, file: Path) -> None:
    with Worker(stub(), 1, file, ["sign1"]) as worker:
        assert worker.memory is None or worker.memory >= 0
        assert worker.ask("labels 1") == ["class 1"]
        assert worker.ask("labels 2") == ["class 1", "class 0"]
        assert worker.ask("batch") > 0
        singles = worker.ask("single 5")
        assert len(singles) == 5
        assert min(singles) > 0
    assert worker.process.returncode is not None


def test_every_pass_has_new_strings_of_the_same_texts(stub: Stub, file: Path) -> None:
    code = """
seen, calls = [], []
def predict(texts):
    calls.append(len(texts))
    assert not any(text is one for text in texts for one in seen)
    if any(text.startswith("sign1") for text in texts):
        seen.extend(texts)
    return [str(calls)] * len(texts)
"""
    with Worker(stub(code=code), 1, file, ["first"]) as worker:
        worker.ask("batch")
        worker.ask("batch")
        worker.ask("single 3")
        assert worker.ask("batch") > 0
        with Worker(stub(code=code), 1, file, ["first"]) as other:
            assert other.ask("labels 2") == ["[1, 2]"] * 2


def test_what_a_peer_prints_is_no_answer(stub: Stub, file: Path) -> None:
    code = (
        "import os\nprint('loading')\ndef predict(texts):\n    os.write(1, b'noise\\n')\n    return ['x'] * len(texts)"
    )
    with Worker(stub(code=code), 1, file, ["a"]) as worker:
        assert worker.ask("labels 2") == ["x", "x"]


def test_a_peer_is_told_its_threads_and_finds_its_folder_first(stub: Stub, file: Path, tmp_path: Path) -> None:
    (tmp_path / "json_of_mine.py").write_text("NAME = 'mine'", "utf-8")
    code = """
import os, json_of_mine
def predict(texts):
    return [f"{json_of_mine.NAME} {THREADS} {os.environ['OMP_NUM_THREADS']}"] * len(texts)
"""
    with Worker(stub(code=code, folder=str(tmp_path)), 3, file, ["a"]) as worker:
        assert worker.ask("labels 1") == ["mine 3 3"]
    assert os.environ.get("RAYON_NUM_THREADS") is None, "only the peer's process is limited"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('no such model')", "stub: ValueError: no such model"),
        ("import os; os._exit(3)", "stub: exit code 3"),
        ("import os; os.abort()", "stub: exit code -6"),
    ],
)
def test_a_process_that_ends_says_why(stub: Stub, file: Path, code: str, reason: str) -> None:
    with pytest.raises(EndedError) as caught:
        Worker(stub(code=code), 1, file, ["a"])
    assert str(caught.value) == reason


def test_a_course_measures_all_and_leaves_out_who_fails(stub: Stub, tmp_path: Path) -> None:
    course = Passes(TEXTS, tmp_path, passes=3, threads=2, amounts=FEW)
    broken = stub("broken", "import no_such_package_anywhere")
    able, samples, failed = course.qualify([stub(threaded=True), broken])
    assert [peer.name for peer in able] == ["stub"]
    assert failed == {"broken": "ModuleNotFoundError: No module named 'no_such_package_anywhere'"}
    renamed = stub("renamed", names={"class 1": "good"})
    answers = course.run([*able, renamed], [stub("floor")], samples)
    assert answers == {"stub": ["class 1", "class 0", "class 1"], "renamed": ["good", "class 0", "good"]}
    speeds = {"texts_per_second", "megabytes_per_second"}
    assert samples["stub"].keys() - {"memory"} == speeds | {
        "texts_per_second_all",
        "megabytes_per_second_all",
        "p50",
        "p99",
    }
    assert samples["renamed"].keys() == speeds | {"p50", "p99"}
    assert samples["floor"].keys() == speeds
    assert WC not in samples or samples[WC].keys() == speeds
    for name, measures in samples.items():
        for measure, values in measures.items():
            assert len(values) == (1 if measure == "memory" else 3), (name, measure)
            assert min(values) > 0 or measure == "memory"


def test_few_texts_are_taken_several_times_in_a_pass(tmp_path: Path) -> None:
    course = Passes(TEXTS, tmp_path, passes=1, threads=1)
    assert len(course.passed) % len(TEXTS) == 0
    assert course.megabytes >= 1
    assert len(Passes([""], tmp_path, passes=1, threads=1).passed) > 1, "texts may be empty"


def test_cold_starts_come_beside_bare_python(stub: Stub) -> None:
    seconds = {"bare": iter(range(100)), "stub": iter(range(0, 1000, 3))}
    order = []

    def first_line(code: str) -> float:
        name = "bare" if code == cold.BARE_PYTHON else "stub"
        order.append(name)
        return float(next(seconds[name]))

    assert cold.cold_starts([stub()], "a", 3, first_line) == [[2000.0, 4000.0, 6000.0]], (
        "the first round does not count"
    )
    assert order == ["stub", "bare", "bare", "stub", "stub", "bare", "bare", "stub"]


def test_a_cold_start_is_a_new_process_that_labels(stub: Stub) -> None:
    slow = "import time\ntime.sleep(0.3)\ndef predict(texts):\n    return texts"
    assert cold.cold_starts([stub(code=slow)], "a 'quoted'\\ text", 1)[0][0] > 0
    with pytest.raises(EndedError, match="exit code 1"):
        cold.cold_starts([stub(code="raise ValueError")], "a", 1)


def test_ratios_say_how_many_times_better_we_are_pair_by_pair() -> None:
    ours = {"texts_per_second": [10.0, 30.0], "cold_start": [2.0, -1.0, 4.0], "p99": [1.0]}
    theirs = {"texts_per_second": [5.0, 10.0], "cold_start": [4.0, 5.0, 6.0], "p50": [1.0]}
    assert ratios(ours, theirs) == {"texts_per_second": Spread(2.0, 2.5, 3.0), "cold_start": Spread(1.5, 1.75, 2.0)}
    assert ratios({"memory": [0.0]}, {"memory": [1.0]}) == {}
