"""Gather the package for JavaScript from the installed prunetext: what `npm publish` or `npm install FOLDER` takes.

.venv/bin/python scripts/make_npm.py dist/npm
"""

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import prunetext

ROOT = Path(__file__).resolve().parent.parent
WASM = Path(prunetext.__file__).parent / "runtime" / "wasm"
FILES = ("prunetext.js", "prunetext.d.ts", "prunetext.wasm", "prunetext-simd.wasm")


def main() -> None:
    """Write the folder anew."""
    folder = Path(sys.argv[1])
    missing = [name for name in FILES if not (WASM / name).is_file()]
    if missing:
        sys.exit(f"{', '.join(missing)} are missing: install the build group, which has ziglang, and prunetext again")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in FILES:
        shutil.copy(WASM / name, folder)
    shutil.copy(ROOT / "examples" / "web" / "node.mjs", folder / "example.mjs")
    shutil.copy(ROOT / "LICENSE", folder)
    shutil.copy(ROOT / "examples" / "web" / "README.md", folder)
    (folder / "package.json").write_text(json.dumps(manifest(), indent=2) + "\n", "utf-8")
    print(f"{folder}: {sum(path.stat().st_size for path in folder.iterdir()):,} bytes")


def manifest() -> dict[str, object]:
    """What package.json says; version, description and license are those of the Python package."""
    said = importlib.metadata.metadata("prunetext")
    return {
        "name": "prunetext",
        "version": said["Version"],
        "description": said["Summary"],
        "license": said["License-Expression"],
        "type": "module",
        "main": "prunetext.js",
        "types": "prunetext.d.ts",
        "exports": {".": {"types": "./prunetext.d.ts", "default": "./prunetext.js"}, "./*.wasm": "./*.wasm"},
        "files": [*FILES, "example.mjs"],
        "engines": {"node": ">=18"},
        "sideEffects": False,
    }


if __name__ == "__main__":
    main()
