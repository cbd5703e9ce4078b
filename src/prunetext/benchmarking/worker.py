"""The process that a peer runs in: it loads the peer, then answers one question a line, each with one line of JSON.

It is started by its path and imports nothing from prunetext: a peer's memory and time are its own.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Predict = Callable[[list[str]], Any]


def main() -> None:
    """Read the task, load the peer, answer until the input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # a peer's prints are not answers
    task = json.loads(sys.stdin.readline())

    def answer(value: object) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    before = resident()
    predict = loaded(task)
    predict(task["first"])
    after = resident()
    answer(None if before is None or after is None else after - before)
    texts = json.loads(Path(task["texts"]).read_text("utf-8"))
    for line in sys.stdin:
        question, _, number = line.strip().partition(" ")
        if question == "labels":
            answer([str(label) for label in predict(texts[: int(number)])])
        elif question == "batch":
            answer(batch(predict, texts))
        else:
            answer(single(predict, texts, int(number)))


def loaded(task: dict[str, Any]) -> Predict:
    """Run the peer's code, which defines `predict`."""
    if task["folder"] is not None:
        sys.path.insert(0, task["folder"])
    scope = {"PATH": task["path"], "THREADS": task["threads"]}
    exec(task["code"], scope)
    predict: Predict = scope["predict"]
    return predict


def fresh(texts: list[str]) -> list[str]:
    """New strings, without anything cached by an earlier pass."""
    return [text.encode().decode() for text in texts]


def batch(predict: Predict, texts: list[str]) -> float:
    """Seconds for all texts at once."""
    copies = fresh(texts)
    began = time.perf_counter()
    answers = predict(copies)
    seconds = time.perf_counter() - began
    del answers  # after reading the clock
    return seconds


def single(predict: Predict, texts: list[str], calls: int) -> list[float]:
    """Seconds of each of so many calls with one text."""
    copies = fresh([texts[number % len(texts)] for number in range(calls)])
    found = []
    for text in copies:
        began = time.perf_counter()
        predict([text])
        found.append(time.perf_counter() - began)
    return found


def resident() -> int | None:
    """Bytes of memory that this process holds, if the system tells."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
