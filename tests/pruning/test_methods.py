"""What goes together and what does not: every combination is taken, or refused with its reason."""

import pytest

from prunetext.errors import InputError
from prunetext.models.textcnn.grouping import STRUCTURE, TEXTCNN_KINDS
from prunetext.pruning.criteria.criterion import CRITERIA
from prunetext.pruning.methods import combinations, load_method, parse_kinds
from prunetext.pruning.schedules import SCHEDULES


def test_every_combination_is_taken_or_refused_with_its_reason() -> None:
    found = {(criterion, schedule, kind): reason for criterion, schedule, kind, reason in combinations(TEXTCNN_KINDS)}
    assert len(found) == len(CRITERIA) * len(SCHEDULES) * len(TEXTCNN_KINDS)
    assert {key[0] for key in found} == set(CRITERIA)
    assert {key[1] for key in found} == set(SCHEDULES)
    for (criterion, schedule, kind), reason in found.items():
        if not reason:
            method = load_method(criterion, schedule, (kind,))
            assert (method.name, method.kinds) == (criterion, (kind,))
            continue
        assert len(reason) > 20
        with pytest.raises(InputError) as error:
            load_method(criterion, schedule, (kind,))
        sentence = str(error.value)
        assert reason in sentence
        assert f"does not go with groups {kind}: " in sentence
        assert sentence.startswith((f"criterion {criterion} ", f"schedule {schedule} "))
        assert sentence.endswith(". Change one of the two.")
        assert "\n" not in sentence


def test_what_is_refused() -> None:
    refused = {
        (criterion, schedule, kind) for criterion, schedule, kind, reason in combinations(TEXTCNN_KINDS) if reason
    }
    expected = {(criterion, schedule, "bits") for criterion in ("lasso", "obs") for schedule in SCHEDULES}
    expected |= {(criterion, schedule, "bits") for criterion in CRITERIA for schedule in ("incremental", "lottery")}
    expected |= {(criterion, "incremental", "taps") for criterion in CRITERIA}
    assert refused == expected


def test_one_kind_of_several_is_enough_to_refuse_and_parameters_change_nothing() -> None:
    with pytest.raises(InputError, match=r"^schedule incremental does not go with groups taps: a narrower filter"):
        load_method("taylor", "incremental:regrow=0.5", ("vocabulary", "taps"))
    with pytest.raises(InputError, match=r"^criterion obs does not go with groups bits: obs scales the"):
        load_method("obs:damping=1", "local", ("filters", "bits"))


def test_a_method_knows_its_name_and_whether_it_begins_untrained() -> None:
    method = load_method("random:draws=4", "global:steps=3", STRUCTURE)
    assert (method.name, method.criterion.draws, method.kinds) == ("random:draws=4", 4, STRUCTURE)
    assert {name for name in SCHEDULES if load_method("magnitude", name, STRUCTURE).needs_untrained} == {
        "global",
        "lottery",
    }


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("filters,vocabulary", ("vocabulary", "filters")),
        (" taps , weights,taps", ("taps", "weights")),
        (",".join(reversed(TEXTCNN_KINDS)), tuple(TEXTCNN_KINDS)),
    ],
)
def test_kinds_stand_in_the_order_of_their_table(text: str, kinds: tuple[str, ...]) -> None:
    assert parse_kinds(text, TEXTCNN_KINDS) == kinds


@pytest.mark.parametrize(("text", "named"), [("heads", "heads"), ("", ""), ("filters,,", ""), ("filters;taps", "filt")])
def test_kinds_that_there_are_not_are_one_sentence(text: str, named: str) -> None:
    with pytest.raises(InputError, match=rf"^groups has '{named}.*'. Choose any of vocabulary, .*, with commas\.$"):
        parse_kinds(text, TEXTCNN_KINDS)


def test_the_old_name_of_a_kind_leads_to_the_new_one() -> None:
    with pytest.raises(InputError, match=r"^groups has 'precision', which is now called bits\. Give bits\.$"):
        parse_kinds("filters,precision", TEXTCNN_KINDS)
