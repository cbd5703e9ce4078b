"""A packed student beside the transformer that taught it, on the same test texts and one core.

    python benchmarks/teacher.py runs/taught/sst2-0/model.safetensors ../shared/data/sst2

Prints a row of JSON: both accuracies, bytes, and pairs of passes over the same texts in turn. The teacher reads texts
sorted by length in batches, in bfloat16 where the processor has products of it, as it does in a fit.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from common import machine, spread

import prunetext
from prunetext.options import TeachOptions
from prunetext.teaching.cache import cache_folder
from prunetext.teaching.teachers import find_teacher
from prunetext.teaching.transformer import WEIGHTS, find_folder
from prunetext.teaching.tuning import fine_tune


def main() -> None:
    """Measure, and print the row."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", type=Path, help="packed file")
    parser.add_argument("data", type=Path, help="folder with train.* and test.*, on which both were trained")
    parser.add_argument("--teacher", default="sample:minilm")
    parser.add_argument("--tokens", type=int, default=TeachOptions.teacher_tokens)
    parser.add_argument("--texts", type=int, default=1_000, help="test texts in each timed pass of the teacher")
    parser.add_argument("--passes", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = prunetext.read(options.data)
    if data.test is None:
        raise SystemExit(f"{options.data} has no test split: give a folder with train.* and test.*.")
    key = find_teacher(options.teacher, TeachOptions(teacher_tokens=options.tokens), data).key
    target = cache_folder() / "teachers" / key
    folder = find_folder(options.teacher)
    teacher = fine_tune(folder, data.train, data.labels, target, tokens=options.tokens)
    student = prunetext.load(options.model)
    answers = [data.labels[at] for at in teacher.logits(data.test.texts).argmax(1)]
    shown, ratios, speeds = data.test.texts[: options.texts], [], []
    for _ in range(options.passes):
        began = time.perf_counter()
        teacher.logits(shown)
        middle = time.perf_counter()
        for _ in range(100):
            student.predict(shown, threads=1)
        speeds.append(100 * len(shown) / (time.perf_counter() - middle))
        ratios.append(speeds[-1] * (middle - began) / len(shown))
    accuracy = {
        name: sum(guess == truth for guess, truth in zip(said, data.test.labels, strict=True)) / len(data.test)
        for name, said in (("teacher", answers), ("student", student.predict(data.test.texts)))
    }
    weights = (target / WEIGHTS).stat().st_size
    row = {
        "data": options.data.name,
        "teacher": round(100 * accuracy["teacher"], 2),
        "student": round(100 * accuracy["student"], 2),
        "teacher_bytes": weights,
        "student_bytes": student.size,
        "bytes_ratio": round(weights / student.size),
        "student_texts_per_second": spread(speeds),
        "speed_ratio": spread(ratios),
    }
    print(json.dumps({**row, "passes": options.passes, **machine("torch", "transformers")}))


if __name__ == "__main__":
    main()
