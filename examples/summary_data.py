"""News as sentences to choose from: each beside the start of its document, and whether it belongs in a summary.

    pip install rouge-score
    python examples/summary_data.py runs/summary-data            # then: prunetext fit --config examples/summary.toml

BBC News (`sample:bbc-news`) has no summaries, but a headline over each text, which tells the same in some words. A
sentence is labelled "in" if it belongs to those that together have the best ROUGE-1 with the headline, chosen greedily,
three at most, and "out" otherwise. The headline itself is in no row. A fifth of the documents are test, a tenth dev.
Source of the labels: Nallapati, Zhai and Zhou 2017, "SummaRuNNer", section 3.2, there with whole summaries.
"""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import prunetext

MOST = 3  # sentences of a summary
LEAD = 3  # sentences of a document's start that each sentence is seen beside
PLACES = ("first", "second", "third", "early", "middle", "late")  # said before a sentence, as a word of its own
END = re.compile(r"(?<=[.!?])[\"']?\s+(?=[\"'A-Z£$0-9])")


class Document(NamedTuple):
    """A news text: what is said of it in short, and its sentences."""

    headline: str
    sentences: list[str]


def documents(count: int | None = None) -> list[Document]:
    """The texts of the sample with a headline and four sentences or more, in an order drawn once."""
    texts = prunetext.read("sample:bbc-news").train.texts
    found = []
    for text in dict.fromkeys(texts):
        headline, _, body = text.partition("\n")
        sentences = [each.strip() for line in body.split("\n") for each in END.split(line) if each.strip()]
        if headline.strip() and len(sentences) > MOST:
            found.append(Document(headline.strip(), sentences))
    random.Random(0).shuffle(found)
    return found[:count]


def parts(found: Sequence[Document]) -> dict[str, list[Document]]:
    """Documents to train on, to choose on and to test on."""
    fifth, tenth = len(found) // 5, len(found) // 10
    return {
        "test": list(found[:fifth]),
        "dev": list(found[fifth : fifth + tenth]),
        "train": list(found[fifth + tenth :]),
    }


def pairs(document: Document) -> list[tuple[str, str]]:
    """The start of the document, and beside it each sentence with its place."""
    lead = " ".join(document.sentences[:LEAD])
    return [(lead, f"{place(at, len(document.sentences))} : {each}") for at, each in enumerate(document.sentences)]


def place(at: int, count: int) -> str:
    """A word for where a sentence stands.

    >>> place(0, 20), place(4, 20), place(19, 20)
    ('first', 'early', 'late')
    """
    return PLACES[at] if at < LEAD else PLACES[LEAD + min(2, (at - LEAD) * 3 // max(1, count - LEAD))]


def chosen(document: Document) -> set[int]:
    """The sentences that have the best ROUGE-1 with the headline, one after another as long as it rises."""
    from rouge_score.rouge_scorer import RougeScorer

    scorer, best, rows = RougeScorer(["rouge1"], use_stemmer=True), 0.0, []  # type: ignore[var-annotated]
    while len(rows) < MOST:
        scores = {
            at: scorer.score(document.headline, " ".join(document.sentences[row] for row in sorted([*rows, at])))
            for at in range(len(document.sentences))
            if at not in rows
        }
        at = max(scores, key=lambda at: (scores[at]["rouge1"].fmeasure, -at))
        if scores[at]["rouge1"].fmeasure <= best:
            break
        best = scores[at]["rouge1"].fmeasure
        rows.append(at)
    return set(rows)


def write(folder: Path, count: int | None = None) -> None:
    """Write train, dev and test, a row for each sentence."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, some in parts(documents(count)).items():
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for document in some:
                inside = chosen(document)
                for at, (lead, sentence) in enumerate(pairs(document)):
                    row = {"text": lead, "text_b": sentence, "label": "in" if at in inside else "out"}
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
