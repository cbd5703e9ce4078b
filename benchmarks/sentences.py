"""Cut documents into sentences, one a line: unlabelled text for a classifier of single sentences.

python benchmarks/sentences.py ../shared/data/imdb/train.jsonl ../shared/data/imdb/unlabeled.jsonl --count 300000 \
    > sentences.txt
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

from prunetext.data.texts import read_texts

END = re.compile(r"(?<=[.!?])\s+")
WORDS = (4, 40)  # of a sentence, at least and at most


def main() -> None:
    """Print sentences of all files, in an order drawn by the seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--count", type=int, default=300_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    texts = (text for file in given.files for chunk in read_texts(file) for text in chunk)
    sentences = [each for text in texts for each in END.split(text) if WORDS[0] <= len(each.split()) <= WORDS[1]]
    random.Random(given.seed).shuffle(sentences)
    for each in sentences[: given.count]:
        print(each.replace("\n", " "))


if __name__ == "__main__":
    main()
