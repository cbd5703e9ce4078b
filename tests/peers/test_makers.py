"""Which models of other packages a comparison makes."""

from prunetext.peers.makers import others
from prunetext.peers.tfidf import LINEAR


def test_packages_that_are_not_there_are_left_out() -> None:
    assert others(sized=True, autotune=9, find=lambda name: None) == {}
    assert others(sized=False, autotune=0, find=lambda name: None) == {}
    assert list(others(sized=False, autotune=9, find=str)) == [LINEAR, "fastText .bin"]
    assert list(others(sized=True, autotune=0, find=str)) == [LINEAR, "fastText .ftz"]
    assert list(others(sized=True, autotune=9, find=str)) == [LINEAR, "fastText .ftz", "fastText autotuned"]
