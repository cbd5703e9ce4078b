"""Short runs with a tiny transformer."""

from pathlib import Path
from random import Random

import prunetext
from prunetext.data.dataset import Examples
from prunetext.fitting.effort import Effort

GOOD, BAD = ("great", "funny", "liked", "best", "good"), ("dull", "waste", "bad", "slow")
QUICK = Effort(schedules={"local": "first=2"}, speed_seconds=0.01)


def reviews(count: int = 120) -> Examples:
    """Short texts whose label two words tell."""
    random = Random(0)
    labels = ["pos" if at % 2 else "neg" for at in range(count)]
    texts = [
        " ".join(random.sample(["a", "film", "story", "the", "of", "it"], 4) + random.sample(words, 2))
        for words in (GOOD if label == "pos" else BAD for label in labels)
    ]
    return Examples(texts, labels)


def fitted(folder: Path, out: Path, examples: Examples, **options: object) -> prunetext.Result:
    """A short run."""
    given = {"model": str(folder), "epochs": 2, "max_drop": 100.0, "max_tokens": 24, **options}
    return prunetext.fit(examples, out=out, effort=QUICK, **given)
