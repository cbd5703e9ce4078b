"""A folder of an encoder with every second layer alone, from which the usual peer of a pruned one is distilled.

    python benchmarks/fewer_layers.py sample:minilm minilm-3
    prunetext fit sst2 --model minilm-3 --teacher runs/sst2 --augment 0 --max-size 1GB --out runs/sst2-three

The second command trains it on the answers of a dense run's model; benchmarks/encoders.py sets it beside others.
Source: Sanh et al. 2019, "DistilBERT", for one layer of two.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

from safetensors.torch import load_file, save_file

from prunetext.models.transformer.folder import CONFIG, TOKENIZER, WEIGHTS, place_of_encoder

LAYER = re.compile(r"(.*encoder\.layer\.)(\d+)(\..*)")


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("model", help="sample:minilm, or a folder of BERT or its kin")
    parser.add_argument("out", type=Path)
    parser.add_argument("--every", type=int, default=2, help="keep one layer of so many")
    options = parser.parse_args()
    folder = place_of_encoder(options.model)
    config, tensors = json.loads((folder / CONFIG).read_text("utf-8")), {}
    for name, tensor in load_file(folder / WEIGHTS).items():
        at = LAYER.fullmatch(name)
        if at is None:
            tensors[name] = tensor
        elif int(at[2]) % options.every == 0:
            tensors[f"{at[1]}{int(at[2]) // options.every}{at[3]}"] = tensor
    config["num_hidden_layers"] = -(-config["num_hidden_layers"] // options.every)
    options.out.mkdir(parents=True)
    save_file(tensors, options.out / WEIGHTS, {"format": "pt"})
    (options.out / CONFIG).write_text(json.dumps(config, indent=1), "utf-8")
    (options.out / TOKENIZER).write_bytes((folder / TOKENIZER).read_bytes())


if __name__ == "__main__":
    main()
