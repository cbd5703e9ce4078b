"""Kill a fit at random moments, resume it each time, and compare its files with those of an uninterrupted run.

    python scripts/kill_test.py sample:bbc-news --kills 10 -- --dimensions 16 --filters 8

What follows `--` are flags of `prunetext fit`. The moments are drawn from --seed, within the time that the
uninterrupted run took. A run that ends before it was killed often enough is compared, and another one begun. Exits
with 1 where a byte differs or a file is missing or left over.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMPARED = ("model.safetensors", "dense.safetensors", "pruned.safetensors", "history.jsonl")


def main() -> int:
    """Run the comparison; see the module's docstring."""
    own, flags = sys.argv[1:], []
    if "--" in own:
        own, flags = own[: own.index("--")], own[own.index("--") + 1 :]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="what fit is given")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args(own)
    moments = random.Random(arguments.seed)

    with tempfile.TemporaryDirectory() as place:
        whole, killed = Path(place, "whole"), Path(place, "killed")
        began = time.monotonic()
        subprocess.run(command(arguments.data, whole, flags), check=True, stdout=subprocess.DEVNULL)
        took = time.monotonic() - began
        print(f"uninterrupted: {took:.1f} s, {(whole / 'model.safetensors').stat().st_size:,} bytes")
        kills, runs, right = 0, 0, True
        while kills < arguments.kills:
            kills = kill_and_resume(
                command(arguments.data, killed, flags), killed, kills, arguments.kills, moments, took
            )
            runs += 1
            right &= same(whole, killed)
            shutil.rmtree(killed)
    print(f"{kills} kills in {runs} runs: {'every byte is the same' if right else 'NOT THE SAME'}")
    return int(not right)


def kill_and_resume(
    arguments: list[str], folder: Path, kills: int, wanted: int, moments: random.Random, took: float
) -> int:
    """Start one run again and again, killing it until it was `wanted` times or it ends; return the kills by then."""
    while not (folder / "result.json").exists():
        # Loading takes seconds in which nothing is done, so a process lives for a good part of the whole time.
        life = moments.uniform(0.1, 0.6) * took if kills < wanted else None
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        try:
            if status := process.wait(life):
                raise SystemExit(f"fit ended with exit code {status}")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
            found = sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())
            print(f"kill {kills} after {life:.1f} s: {', '.join(found) or 'nothing yet'}")
    return kills


def same(whole: Path, killed: Path) -> bool:
    """Whether both folders hold the same; says where not."""
    wrong = [f"{name} differs" for name in COMPARED if (whole / name).read_bytes() != (killed / name).read_bytes()]
    left = {each.name for each in killed.iterdir()} ^ {each.name for each in whole.iterdir()}
    wrong += [f"only one folder holds {name}" for name in sorted(left)]
    print(f"resumed to its end: {', '.join(wrong) or 'the same files'}")
    return not wrong


def command(data: str, out: Path, flags: list[str]) -> list[str]:
    """The command line of one run."""
    return [sys.executable, "-m", "prunetext", "fit", data, "--out", str(out), *flags]


if __name__ == "__main__":
    sys.exit(main())
