"""prunetext.js gives the native runtime's labels and probabilities, to the bit: in Node, and in a page and a worker."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.javascript import ASK, check, three_models
from helpers.wasm import expected, wasm_folder
from prunetext.runtime import _native
from prunetext.runtime.format import write

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node: install Node.js 18 or newer to test prunetext.js")
    return found


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in whose node_modules the package lies that `make npm` makes."""
    wasm_folder()
    folder = tmp_path_factory.mktemp("npm")
    command = [sys.executable, ROOT / "scripts" / "make_npm.py", folder / "node_modules" / "prunetext"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (folder / "ask.mjs").write_text(ASK, "utf-8")
    return folder


@pytest.fixture(scope="module")
def models(make_model: Callable[..., Path]) -> dict[str, tuple[Path, list[Any]]]:
    return three_models(make_model)


def run_node(node: str, folder: Path, program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    (folder / "program.mjs").write_text(program, "utf-8")
    command = [node, "program.mjs", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("simd", [True, False])
def test_node_gives_the_same_bits(
    node: str, package: Path, models: dict[str, tuple[Path, list[Any]]], simd: bool
) -> None:
    program = """
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { load } from "prunetext";
import { ask } from "./ask.mjs";
const said = {};
for (const [name, [path, items]] of Object.entries(JSON.parse(await readFile(process.argv[2])))) {
  const source = name === "one" ? pathToFileURL(path) : await readFile(path);
  said[name] = await ask(load, source, items, { simd: process.argv[3] === "true" });
}
console.log(JSON.stringify(said));
"""
    given = {name: (str(path), items) for name, (path, items) in models.items()}
    (package / "given.json").write_text(json.dumps(given), "utf-8")
    done = run_node(node, package, program, "given.json", str(simd).lower())
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    for name, (path, items) in models.items():
        check(said[name], path, items)


def test_the_example_for_node_runs(node: str, package: Path, models: dict[str, tuple[Path, list[Any]]]) -> None:
    for name, (path, items) in models.items():
        some = items[1:3]
        words = [text for pair in some for text in pair] if name == "pairs" else some
        example = (package / "node_modules" / "prunetext" / "example.mjs").read_text("utf-8")
        done = run_node(node, package, example, path, *words)
        assert done.returncode == 0, done.stderr
        native = _native.Model(path)
        for line, (shares, _) in zip(done.stdout.splitlines(), expected(native, some), strict=True):
            assert json.loads(line)["probabilities"] == shares


def test_a_label_keeps_all_its_characters(
    node: str, package: Path, make_tensors: Callable[..., Any], tmp_path: Path
) -> None:
    tensors, metadata = make_tensors(classes=3)
    labels = ["\ufeffa", "b", "a"]
    write(tmp_path / "model", tensors, metadata | {"labels": json.dumps(labels)})
    program = """
import { readFile } from "node:fs/promises";
import { load } from "prunetext";
const clf = await load(await readFile(process.argv[2]));
console.log(JSON.stringify([clf.labels, clf.explain("film", "a").label, clf.predict("film").labels]));
"""
    done = run_node(node, package, program, tmp_path / "model")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [labels, "a", prunetext.load(tmp_path / "model").predict(["film"])]


def test_a_module_is_compiled_once_for_each_address(node: str, package: Path, models: dict[str, Any]) -> None:
    program = """
import { readFile } from "node:fs/promises";
import { load } from "prunetext";
const bytes = await readFile(process.argv[2]);
const wasm = await readFile(new URL("prunetext.wasm", import.meta.resolve("prunetext")));
const good = `data:application/wasm;base64,${wasm.toString("base64")}`;
for (const source of [good, new Request(good), new Request("data:,no module"), new Request(good)])
  await load(bytes, { wasm: source }).then(() => console.log("loaded"), (error) => console.log(error.name));
"""
    done = run_node(node, package, program, models["one"][0])
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["loaded", "loaded", "CompileError", "loaded"]


def test_what_cannot_be_done_is_an_error_with_its_reason(
    node: str, package: Path, models: dict[str, tuple[Path, list[Any]]]
) -> None:
    program = """
import { readFile } from "node:fs/promises";
import { load, PrunetextError } from "prunetext";
const bytes = await readFile(process.argv[2]);
const said = [];
const attempt = async (call) => {
  try { await call(); said.push("no error"); }
  catch (error) { said.push(`${error instanceof PrunetextError} ${error.constructor.name}: ${error.message}`); }
};
const damaged = Uint8Array.from(bytes);
damaged[bytes.length - 1] ^= 1;
await attempt(() => load(damaged));
await attempt(() => load(new Uint8Array(3)));
const clf = await load(bytes);
await attempt(() => clf.predict(["one", "two"]));
await attempt(() => clf.predict(7));
console.log(clf.predict("unseen", { reject: true }).label, clf.predict("unseen").label);
clf.free();
await attempt(() => clf.predict("a"));
console.log(JSON.stringify(said));
"""
    path, _ = models["one"]
    done = run_node(node, package, program, path)
    assert done.returncode == 0, done.stderr
    labels, said = done.stdout.splitlines()
    native = _native.Model(path)
    assert labels.split(" label ")[0] == str(native.predict(["unseen"], 1, True)[0] or "null")
    assert json.loads(said) == [
        "true PrunetextError: the model cannot be loaded: its checksum does not match: the file is damaged; "
        "pack or copy it again",
        "true PrunetextError: the model cannot be loaded: it is too short to be a packed model",
        "false TypeError: give a string",
        "false TypeError: give a string",
        "true PrunetextError: the model is free, or a call has failed: load it again",
    ]
