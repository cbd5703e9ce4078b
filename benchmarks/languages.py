"""Accuracy on sentences of many languages, by tokenizer, beside a regression on characters.

    python benchmarks/languages.py --out runs/languages
    python benchmarks/languages.py --task topics --out runs/languages --tokenizers auto words/2

The sentences are Django's own translations, as its package ships them. The task `marks`: a sentence with one of the
five commonest marked words of its language (or letters, where words have no spaces) is one class, the same sentence
with that word as bert/1 would write it is the other: कुल and कल, schön and schon. Both are on the same side of the
split, and so is whatever else is made of the sentence. At most 500 sentences are learnt from. With the task `unseen`,
no marked word of test is in train. The task `topics`: which of Django's apps a sentence is from; apps with few
sentences are left out. The regression is logistic, on character 1–4-grams, and its C is chosen on dev.
"""

from __future__ import annotations

import argparse
import gettext
import json
import random
import re
from collections import Counter
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from common import machine
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import prunetext
from prunetext.data.dataset import Data
from prunetext.runtime._native import tokenize

LANGUAGES = ["ar", "bn", "cs", "de", "el", "es", "fa", "fi", "fr", "hi", "hu", "ja", "km", "ml", "mr", "my", "ne", "pl"]
LANGUAGES += ["ru", "sv", "ta", "te", "th", "tr", "uk", "vi"]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{[^}]*\}|<[^>]*>|&\w+;|\s+")
LEAST_TOKENS = 4
COMMONEST, EACH = 5, 3  # marked words of a language, and sentences that are made of one
SHARES = {"train": 0.55, "dev": 0.15}
MOST = {"train": 250, "dev": 100, "test": 400}  # pairs of sentences
STRENGTHS = (1.0, 10.0, 100.0, 1000.0)


FEWEST = 40  # sentences of an app
TASKS = ("marks", "unseen", "topics")


class Made(NamedTuple):
    """A sentence with a marked word, and with the same word as bert/1 writes it."""

    word: str
    marked: str
    plain: str


def sentences(language: str) -> dict[str, str]:
    """All translations into a language, long ones, each once, and the app that has them."""
    spec = find_spec("django")
    assert spec is not None, "pip install django"
    found: dict[str, str] = {}
    for path in sorted(Path(str(spec.origin)).parent.rglob(f"locale/{language}/LC_MESSAGES/*.mo")):
        with path.open("rb") as file:
            catalog = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        for source, text in catalog.items():
            text = PLACEHOLDER.sub(" ", text).strip()
            if source and len(tokenize(text, "words/2")) >= LEAST_TOKENS:
                found.setdefault(text, path.parts[-5])
    return found


def made_of(language: str, commonest: int | None = COMMONEST) -> dict[str, list[Made]]:
    """For each sentence, what is made of it: by the commonest marked words, or by all."""
    texts = sentences(language)
    counts = Counter(token for text in texts for token in set(tokenize(text, "words/2")) if plain_of(token))
    words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))][:commonest]
    found = {}
    for text in texts:
        tokens = tokenize(text, "words/2")
        own = [word for word in words if word in tokens][:EACH]
        if made := [each for word in own if (each := exchanged(text, word)) is not None]:
            found[text] = made
    return found


def plain_of(token: str) -> str | None:
    """A token as bert/1 writes it, if that is another one."""
    plain = "".join(tokenize(token))
    return plain if plain and plain != token and tokenize(plain, "words/2") == [plain] else None


def exchanged(text: str, word: str) -> Made | None:
    """The text with its first such word exchanged, if bert/1 cannot tell the two texts apart."""
    tokens = tokenize(text, "words/2")
    at, low = tokens.index(word), text.lower()
    start = 0
    for token in tokens[:at]:
        start = low.find(token, start)
        if start < 0:
            return None
        start += len(token)
    start = low.find(word, start)
    plain = plain_of(word)
    if start < 0 or plain is None:
        return None
    made = Made(word, text, text[:start] + plain + text[start + len(word) :])
    same = tokenize(made.marked) == tokenize(made.plain)
    return made if same and tokenize(made.marked, "words/2") != tokenize(made.plain, "words/2") else None


def split(found: dict[str, list[Made]], *, unseen: bool) -> dict[str, list[Made]]:
    """The pairs of each side; a sentence, or with `unseen` a word, is on one side only."""
    drawn = random.Random(7)
    keys = sorted({each.word for made in found.values() for each in made}) if unseen else sorted(found)
    drawn.shuffle(keys)
    bounds = [int(SHARES["train"] * len(keys)), int((SHARES["train"] + SHARES["dev"]) * len(keys))]
    side = {key: "train" if at < bounds[0] else "dev" if at < bounds[1] else "test" for at, key in enumerate(keys)}
    sides: dict[str, list[Made]] = {"train": [], "dev": [], "test": []}
    order = sorted(found)
    drawn.shuffle(order)
    for text in order:
        made = found[text]
        own = side[made[0].word if unseen else text]
        sides[own] += [each for each in made if not unseen or side[each.word] == own]
    return {name: made[: MOST[name]] for name, made in sides.items()}


def topics(language: str) -> Data:
    """The sentences of a language, with their apps."""
    found = sentences(language)
    often = {app for app, count in Counter(found.values()).items() if count >= FEWEST}
    order = sorted((text, app) for text, app in found.items() if app in often)
    random.Random(7).shuffle(order)
    bounds = [0, *(int(share * len(order)) for share in (SHARES["train"], SHARES["train"] + SHARES["dev"])), None]
    sides = (order[begin:end] for begin, end in pairwise(bounds))
    train, dev, test = (prunetext.Examples([text for text, _ in side], [app for _, app in side]) for side in sides)
    return Data(train, dev, test, name=language)


def data_of(language: str, *, unseen: bool) -> Data:
    """The data set of a language, with marks."""
    parts = {}
    for name, made in split(made_of(language, None if unseen else COMMONEST), unseen=unseen).items():
        texts = [text for each in made for text in (each.marked, each.plain)]
        parts[name] = prunetext.Examples(texts, ["marked", "plain"] * len(made))
    return Data(parts["train"], parts["dev"], parts["test"], name=language)


def regression(data: Data) -> float:
    """The accuracy of character 1–4-grams on test."""
    assert data.dev is not None
    assert data.test is not None
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(1, 4))
    seen = vectorizer.fit_transform(data.train.texts)
    models = [LogisticRegression(C=strength, max_iter=3_000).fit(seen, data.train.labels) for strength in STRENGTHS]
    best = max(models, key=lambda model: model.score(vectorizer.transform(data.dev.texts), data.dev.labels))
    return float(best.score(vectorizer.transform(data.test.texts), data.test.labels))


def main() -> None:
    """Fit, and print a row of JSON for each language."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--languages", nargs="+", default=LANGUAGES)
    parser.add_argument("--tokenizers", nargs="+", default=["auto", "bert/1"])
    parser.add_argument("--task", choices=TASKS, default="marks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/languages"), help="folder of the runs")
    options = parser.parse_args()
    for language in options.languages:
        task = options.task
        data = topics(language) if task == "topics" else data_of(language, unseen=task == "unseen")
        assert data.test is not None
        if len(set(data.train.labels)) < 2:  # too few sentences of other apps
            continue
        row = {"language": language, "task": task, "train": len(data.train), "test": len(data.test)}
        row["regression"] = round(100 * regression(data), 1)
        for tokenizer in options.tokenizers:
            out = options.out / f"{language}-{tokenizer.replace('/', '')}-{task}-{options.seed}"
            if not (out / "result.json").exists():
                prunetext.fit(data, out=out, tokenizer=tokenizer, seed=options.seed)
            result = json.loads((out / "result.json").read_text("utf-8"))
            row[tokenizer] = round(100 * result["packed"]["accuracy"], 1)
            row[f"{tokenizer} is"] = prunetext.inspect(out / "model.safetensors").tokenizer
            row[f"{tokenizer} dense"] = round(100 * result["dense"]["accuracy"], 1)
            row[f"{tokenizer} bytes"] = result["packed"]["bytes"]
        print(json.dumps({**row, **machine("torch", "Django")}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
