"""What tests of prunetext.js ask, and how they compare its answers with the native runtime's."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers.wasm import expected
from prunetext.runtime import _native

TEXTS = [
    "",
    "a good film",
    "GREAT, great film!",
    "电影 good ø ẞ",
    "🇩🇪 schön, é",
    "half \ud800 of a pair",
    "unseen",
    "bad " * 999,
]
PAIRS = [("a good film", "a film"), ("", "bad"), ("ø ø", "电影 ø")]

# What a test asks of a loaded model; items come as JSON, and so do the answers.
ASK = """
export async function ask(load, source, items, options) {
  const clf = await load(source, options);
  const answers = items.map((item) => {
    const { labels, label, probability, probabilities } = clf.predict(item);
    const explained = clf.explain(item);
    const texts = typeof item === "string" ? [item] : item;
    for (const part of explained.parts) part.characters = texts[part.text].slice(part.begin, part.end);
    return { labels, label, probability, probabilities: [...probabilities], explained };
  });
  const said = { task: clf.task, labels: clf.labels, reject: clf.reject, answers };
  clf.free();
  return said;
}
"""


def three_models(make_model: Callable[..., Path]) -> dict[str, tuple[Path, list[Any]]]:
    """A model of each task, and what it is asked."""
    return {
        "one": (make_model(reject=0.75, temperature=1.3), TEXTS),
        "several": (make_model(thresholds=(0.5, 0.3, 0.8), tokenizer="words/2"), TEXTS),
        "pairs": (make_model(pairs=True, seed=7), PAIRS),
    }


def check(said: dict[str, Any], path: Path, items: list[Any]) -> None:
    """Compare what `ask` said of these items."""
    native = _native.Model(path)
    assert said["labels"] == native.labels
    assert said["task"] == native.metadata["task"]
    assert said["reject"] == float(native.metadata.get("reject", 0))
    assert len(said["answers"]) == len(items)
    for answer, (shares, chosen) in zip(said["answers"], expected(native, items), strict=True):
        assert answer["probabilities"] == shares
        assert answer["labels"] == [label for label, given in zip(native.labels, chosen, strict=True) if given]
        assert answer["probability"] == max(shares)
        assert answer["label"] == native.labels[shares.index(max(shares))]
    for answer, item in zip(said["answers"], items, strict=True):
        check_explanation(answer["explained"], native, item)


def check_explanation(said: dict[str, Any], native: Any, item: Any) -> None:
    """Compare one explanation, part by part."""
    texts = [text.encode("utf-8", "surrogatepass") for text in ([item] if isinstance(item, str) else item)]
    label, probability, logit, base, _, packed = native.explain(tuple(texts) if len(texts) == 2 else texts[0])
    assert (said["label"], said["probability"]) == (native.labels[label], probability)
    assert (said["logit"], said["base"]) == (logit, base)
    parts = list(struct.iter_unpack("<QQQd", packed))
    assert [part["logit"] for part in said["parts"]] == [part for *_, part in parts]
    for part, (text, begin, end, _) in zip(said["parts"], parts, strict=True):
        if "\ud800" not in item:  # which Python cannot encode
            assert part["characters"] == texts[text][begin:end].decode()
