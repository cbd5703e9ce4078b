"""What the recoveries of a transformer learn beside the labels of train."""

from pathlib import Path

import pytest
import torch

import prunetext
from helpers.encoder_runs import BAD, GOOD, QUICK, fitted, reviews
from helpers.encoders import encoder_folder
from prunetext.errors import RunError
from prunetext.modelfiles.trained import read_trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT."""
    path = tmp_path_factory.mktemp("bert")
    encoder_folder(path)
    return path


def test_recoveries_learn_texts_without_labels(folder: Path, tmp_path: Path) -> None:
    def pruned_again(name: str, **changes: str) -> prunetext.Result:
        options = {**given, **changes}
        return prunetext.prune(found.path.parent, out=tmp_path / name, data=reviews(), effort=QUICK, **options)

    more, given = tmp_path / "more.txt", {"schedule": "oneshot:units=0.3", "groups": "neurons"}
    more.write_text("".join(f"a {one} and {two} year\n" for one in GOOD for two in BAD), "utf-8")
    alone = fitted(folder, tmp_path / "alone", reviews(), **given)
    found = fitted(folder, tmp_path / "run", reviews(), unlabelled=str(more), **given)
    assert any("answers to 20 unlabelled texts" in note for note in found.notes)
    few, all_words = (read_trained(each.path.with_name("dense.safetensors")) for each in (alone, found))
    assert len(few.model.words.weight) < len(all_words.model.words.weight)  # those of the new texts are known
    pruned = [read_trained(each.path.with_name("pruned.safetensors")).model for each in (found, pruned_again("again"))]
    assert all(torch.equal(*each) for each in zip(*(model.parameters() for model in pruned), strict=True))
    untrained = pruned_again("other", schedule="oneshot:units=0.3,recovery=0")
    assert not any("Recoveries learn" in note for note in untrained.notes)
    more.write_text("another film\n", "utf-8")
    with pytest.raises(RunError, match="have changed since"):
        pruned_again("new")


def test_recoveries_learn_hidden_states_if_they_are_asked_to(folder: Path, tmp_path: Path) -> None:
    def pruned_again(run: Path, name: str, **options: float) -> torch.Tensor:
        found = prunetext.prune(run, out=tmp_path / name, data=reviews(), effort=QUICK, **options)
        model = read_trained(found.path.with_name("pruned.safetensors")).model
        return torch.cat([each.flatten() for each in model.parameters()])

    given = {"schedule": "oneshot:units=0.3", "groups": "neurons"}
    fitted(folder, tmp_path / "run", reviews(), hidden_states=2.0, **given)
    as_fitted, same, heavier, none = (
        pruned_again(tmp_path / "run", name, **options)
        for name, options in (
            ("kept", {}),
            ("same", {"hidden_states": 2.0}),
            ("heavier", {"hidden_states": 9.0}),
            ("none", {"hidden_states": 0.0}),
        )
    )
    assert torch.equal(as_fitted, same)
    assert not torch.equal(as_fitted, heavier)
    assert not torch.equal(as_fitted, none)
