"""Size and speed of packed files beside the peers that are installed: `prunetext bench` for several models, as rows.

    pip install --group bench && pip install --target runs/beside --no-deps fasttext-predict
    python benchmarks/runtime.py runs/ag-news/model.safetensors ../shared/data/ag_news --beside runs/beside

Models and their data follow one another. Each row is one line of JSON and carries what is needed to read it alone.
--dimensions 100 is the default of fastText itself.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import prunetext


def main() -> None:
    """Print the rows of each pair as soon as they are there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("paths", nargs="+", help="MODEL DATA, again and again")
    parser.add_argument("--peers", default="all")
    parser.add_argument("--passes", type=int, default=9)
    parser.add_argument("--starts", type=int, default=15)
    parser.add_argument("--dimensions", type=int, default=10, help="of fastText's vectors")
    parser.add_argument("--beside", help="folder with further peers")
    given = vars(parser.parse_args())
    paths = given.pop("paths")
    for model, data in zip(paths[::2], paths[1::2], strict=True):
        fields = prunetext.bench(model, data, **given).fields()
        rows = fields.pop("rows")
        for row in rows:
            print(json.dumps({"data": Path(data).name, **row, **fields}, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
