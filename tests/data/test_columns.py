"""Which columns hold texts: the one that the user names, a pair of usual names, or a single usual name."""

import pytest

from prunetext.data.columns import PAIRS, Columns, Wanted, find_columns
from prunetext.errors import DataError


@pytest.mark.parametrize(("first", "second"), PAIRS)
@pytest.mark.parametrize("spelling", [str, str.upper, " {} ".format])
def test_pairs_are_found_by_usual_names_wherever_they_stand(first: str, second: str, spelling: object) -> None:
    assert callable(spelling)
    names = ["id", spelling(second), "label", spelling(first)]
    assert find_columns(names, Wanted(), "t.csv") == Columns((3, 1), 2, (repr(names[3]), repr(names[1])))
    alone = find_columns(names, Wanted(text=first), "t.csv")
    assert alone == Columns((3,), 2)
    assert find_columns(names, Wanted(text_b=second), "t.csv").texts == (3, 1)
    assert find_columns(names, Wanted(label=first, text=second), "t.csv") == Columns((1,), 3)


@pytest.mark.parametrize(
    ("header", "wanted", "texts"),
    [
        ("body,reply,label", Wanted(text_b="reply"), (0, 1)),
        ("hypothesis,text,label", Wanted(text_b="text"), None),
        ("premise,text,label", Wanted(text="premise", text_b="TEXT"), (0, 1)),
        ("text_b,text,text_a,label", Wanted(), (1, 0)),
        ("question,answer,label", Wanted(), (0, 1)),
        ("question,answer,label", Wanted(label="answer"), (0,)),
        ("question,answer", Wanted(labelled=False, texts=1), (0,)),
        ("question,answer", Wanted(labelled=False, texts=2), (0, 1)),
        ("question,answer", Wanted(text="question", labelled=False, texts=2), (0, 1)),
        ("text,text_b", Wanted(labelled=False, texts=1), (0,)),
        ("query,title,label", Wanted(), (0,)),
    ],
)
def test_what_is_named_goes_first(header: str, wanted: Wanted, texts: tuple[int, ...] | None) -> None:
    names = header.split(",")
    if texts is None:
        with pytest.raises(DataError, match=r"no text column is found among .*\. Name it with --text\.$"):
            find_columns(names, wanted, "t.csv")
    else:
        assert find_columns(names, wanted, "t.csv").texts == texts


@pytest.mark.parametrize(
    ("header", "wanted", "message"),
    [
        ("premise,text_b,label", Wanted(), "t.csv: the column 'text_b' holds second texts, but no column of first"),
        ("a,b,label", Wanted(text="a", text_b="A"), "t.csv: --text and --text-b both name the column 'a'. Name two"),
        ("a,b,c", Wanted(text="a", text_b="b", label="b"), "t.csv: --text-b and --label both name the column 'b'."),
        ("a,b,c", Wanted(text_b="b"), "t.csv: no text and label column is found among the columns 'a', 'b', 'c'. Name"),
        ("a,b", Wanted(labelled=False, texts=2), "t.csv: no text and second text column is found among"),
        ("text,c", Wanted(labelled=False, texts=2), "t.csv: no second text column is found among the"),
    ],
)  # fmt: skip
def test_what_is_not_found_is_named(header: str, wanted: Wanted, message: str) -> None:
    with pytest.raises(DataError) as caught:
        find_columns(header.split(","), wanted, "t.csv")
    assert str(caught.value).startswith(message)
