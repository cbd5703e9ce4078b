"""prunetext.js gives the native runtime's labels and probabilities, to the bit: in Node, and in a page and a worker."""

import json
import shutil
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.wasm import expected, wasm_folder
from prunetext.runtime import _native
from prunetext.runtime.format import write

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [
    "",
    "a good film",
    "GREAT, great film!",
    "电影 good ø ẞ",
    "🇩🇪 schön, é",
    "half \ud800 of a pair",
    "unseen",
    "bad " * 999,
]
PAIRS = [("a good film", "a film"), ("", "bad"), ("ø ø", "电影 ø")]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

# What a test asks of a loaded model; items come as JSON, and so do the answers.
ASK = """
export async function ask(load, source, items, options) {
  const clf = await load(source, options);
  const answers = items.map((item) => {
    const { labels, label, probability, probabilities } = clf.predict(item);
    const explained = clf.explain(item);
    const texts = typeof item === "string" ? [item] : item;
    for (const part of explained.parts) part.characters = texts[part.text].slice(part.begin, part.end);
    return { labels, label, probability, probabilities: [...probabilities], explained };
  });
  const said = { task: clf.task, labels: clf.labels, reject: clf.reject, answers };
  clf.free();
  return said;
}
"""


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
    return {
        "one": (make_model(reject=0.75, temperature=1.3), TEXTS),
        "several": (make_model(thresholds=(0.5, 0.3, 0.8), tokenizer="words/2"), TEXTS),
        "pairs": (make_model(pairs=True, seed=7), PAIRS),
    }


def check(said: dict[str, Any], path: Path, items: list[Any]) -> None:
    native = _native.Model(path)
    assert said["labels"] == native.labels
    assert said["task"] == native.metadata["task"]
    assert said["reject"] == float(native.metadata.get("reject", 0))
    assert len(said["answers"]) == len(items)
    for answer, (shares, chosen) in zip(said["answers"], expected(native, items), strict=True):
        assert answer["probabilities"] == shares
        assert answer["labels"] == [label for label, given in zip(native.labels, chosen, strict=True) if given]
        assert answer["probability"] == max(shares)
        assert answer["label"] == native.labels[shares.index(max(shares))]
    for answer, item in zip(said["answers"], items, strict=True):
        check_explanation(answer["explained"], native, item)


def check_explanation(said: dict[str, Any], native: Any, item: Any) -> None:
    texts = [text.encode("utf-8", "surrogatepass") for text in ([item] if isinstance(item, str) else item)]
    label, probability, logit, base, _, packed = native.explain(tuple(texts) if len(texts) == 2 else texts[0])
    assert (said["label"], said["probability"]) == (native.labels[label], probability)
    assert (said["logit"], said["base"]) == (logit, base)
    parts = list(struct.iter_unpack("<QQQd", packed))
    assert [part["logit"] for part in said["parts"]] == [part for *_, part in parts]
    for part, (text, begin, end, _) in zip(said["parts"], parts, strict=True):
        if "\ud800" not in item:  # which Python cannot encode
            assert part["characters"] == texts[text][begin:end].decode()


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


PAGE = """<!doctype html><meta charset="utf-8"><script type="module">
import { load } from "./prunetext.js";
import { ask } from "./ask.mjs";
const worker = new Worker("worker.mjs", { type: "module" });
try {
  const items = await (await fetch("items.json")).json();
  const answers = (simd) => ask(load, "model.safetensors", items, { simd });
  const page = [await answers(true), await answers(false)];
  const told = new Promise((resolve) => { worker.onmessage = ({ data }) => resolve(data); });
  worker.postMessage(items);
  await fetch("said", { method: "POST", body: JSON.stringify({ page, worker: await told }) });
} catch (error) {
  await fetch("said", { method: "POST", body: JSON.stringify({ error: String(error) }) });
}
</script>"""
WORKER = """
import { load } from "./prunetext.js";
import { ask } from "./ask.mjs";
onmessage = async ({ data }) => {
  try { postMessage(await ask(load, "model.safetensors", data)); }
  catch (error) { postMessage({ error: String(error) }); }
};
"""
KINDS = {".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html", ".json": "application/json"}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str, Callable[[], Any]]]:
    """A folder, the address at which it is served, and what the page there has posted, once it has."""
    said: list[Any] = []
    come = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = tmp_path / self.path.lstrip("/")
            found = path.is_file()
            data = path.read_bytes() if found else b""
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", KINDS.get(path.suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_POST(self) -> None:
            said.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()
            come.set()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def wait() -> Any:
            assert come.wait(120), "the page has posted nothing"
            return said[0]

        yield tmp_path, f"http://127.0.0.1:{server.server_port}", wait
        server.shutdown()
        thread.join()


def test_a_page_and_a_worker_give_the_same_bits(
    served: tuple[Path, str, Callable[[], Any]], models: dict[str, tuple[Path, list[Any]]]
) -> None:
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("there is no Chromium: install chromium to test prunetext.js in a page and in a worker")
    folder, address, wait = served
    for path in wasm_folder().iterdir():
        shutil.copy(path, folder)
    path, items = models["several"]
    shutil.copy(path, folder / "model.safetensors")
    (folder / "items.json").write_text(json.dumps(items), "utf-8")
    (folder / "ask.mjs").write_text(ASK, "utf-8")
    (folder / "worker.mjs").write_text(WORKER, "utf-8")
    (folder / "page.html").write_text(PAGE, "utf-8")
    profile = folder / "profile"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    command = [browser, *flags, f"--user-data-dir={profile}", f"{address}/page.html"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            said = wait()
        finally:
            process.terminate()
    assert "error" not in said, said
    for answers in (*said["page"], said["worker"]):
        assert "error" not in answers, answers
        check(answers, path, items)
