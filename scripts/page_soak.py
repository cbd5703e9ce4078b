"""Label every test text of real data sets in Chromium, and compare each bit with the native runtime.

    python scripts/page_soak.py ../shared/data/ag_news ../shared/data/mrpc

For each data set a small model is trained, and a page about its run is written. All test texts are labelled in that
page, by the packed and by the dense model in it, and then by prunetext.js in a page of its own and in a worker, with
SIMD and without. Each line is JSON: texts, how many have other bits somewhere (which ends with 1), and what the page
takes: seconds to be written, seconds to be opened until its models answer, and milliseconds to answer a keystroke in a
text of some 235 bytes.
"""

from __future__ import annotations

import functools
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import prunetext
from prunetext.judging.unpruned import packed_unpruned
from prunetext.reporting.facts import read_facts
from prunetext.runtime import _native

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from helpers.browser import NAMES, chromium  # noqa: E402
from helpers.wasm import FOLDER, expected  # noqa: E402

AT_ONCE = 500  # texts
QUICK: dict[str, Any] = {"epochs": 1.0, "teacher": "none", "schedule": "oneshot:units=0.5", "filters": 24}
TYPED = 235  # bytes

# Both take the items and give, for each, its probabilities and the places of its labels.
ANSWER = """
const answer = (clf, items) => items.map((item) => {
  const { labels, probabilities } = clf.predict(item);
  return [[...probabilities], labels.map((label) => clf.labels.indexOf(label))];
});
"""
PLAIN = f"""<!doctype html><script type="module">
import {{ load }} from "./prunetext.js";
{ANSWER}
const models = {{}};
for (const simd of [true, false]) models[simd] = await load("model.safetensors", {{ simd }});
const worker = new Worker("worker.mjs", {{ type: "module" }});
window.ask = (where, items) => where === "worker"
  ? new Promise((resolve) => {{ worker.onmessage = ({{ data }}) => resolve(data); worker.postMessage(items); }})
  : answer(models[where === "simd"], items);
</script>"""
WORKER = f"""
import {{ load }} from "./prunetext.js";
{ANSWER}
const model = load("model.safetensors");
onmessage = async ({{ data }}) => postMessage(answer(await model, data));
"""
KEYSTROKES = """(text) => {
  const box = document.getElementById("typed"), took = [];
  for (let length = text.length - 200; length <= text.length; ++length) {
    box.value = text.slice(0, length);
    const began = performance.now();
    box.dispatchEvent(new Event("input"));
    const answered = performance.now();
    document.body.getBoundingClientRect();
    took.push([answered - began, performance.now() - began]);
  }
  return took;
}"""


def main() -> None:
    """Print a line for each data set."""
    if not sys.argv[1:]:
        sys.exit("Give at least one data set, such as ../shared/data/ag_news.")
    if not any(map(shutil.which, NAMES)) or find_spec("playwright") is None:
        sys.exit("This needs Chromium and playwright. Run apt install chromium, and pip install playwright.")
    wrong = 0
    with chromium() as browser, tempfile.TemporaryDirectory() as scratch:
        for number, data in enumerate(sys.argv[1:]):
            row = soaked(browser, data, Path(scratch, str(number)))
            wrong += row["other"]
            print(json.dumps(row), flush=True)
    sys.exit(wrong > 0)


def soaked(browser: Any, data: str, folder: Path) -> dict[str, Any]:
    """Train, write the page, and label the test texts of one data set everywhere."""
    read = prunetext.read(data)
    prunetext.fit(read, out=folder / "run", **QUICK)
    start = time.perf_counter()
    page = prunetext.report(folder / "run", data=data, split="test")
    row: dict[str, Any] = {
        "data": Path(data).name,
        "bytes": page.size,
        "written": round(time.perf_counter() - start, 2),
    }
    assert read.test is not None
    items = read.test.inputs
    context = browser.new_context()
    window = context.new_page()
    start = time.perf_counter()
    window.goto(page.path.resolve().as_uri())
    window.wait_for_selector("html[data-ready]")
    row |= {"opened": round(time.perf_counter() - start, 2), "texts": len(items)}
    if isinstance(items[0], str):
        typed = "".join(text[:TYPED] for text in items[:TYPED])[:TYPED].ljust(TYPED, "x")
        took = window.evaluate(KEYSTROKES, typed)
        row["keystroke"], row["laid out"] = (round(statistics.median(each), 2) for each in zip(*took, strict=True))
    packed, other = folder / "run" / "model.safetensors", 0
    facts = read_facts(folder / "run")
    with packed_unpruned(facts.dense, facts.table) as dense:
        for name, path in {"packed": packed, "dense": dense}.items():
            if window.evaluate(f"'{name}' in window.prunetextModels"):
                ask = f"(items) => {{ {ANSWER} return answer(window.prunetextModels.{name}, items); }}"
                other += unlike(path, items, functools.partial(window.evaluate, ask))
    with served(packed) as address:
        window.goto(f"{address}/page.html")
        window.wait_for_function("'ask' in window")
        for where in ("simd", "plain", "worker"):
            other += unlike(
                packed, items, functools.partial(window.evaluate, f"(items) => window.ask('{where}', items)")
            )
    context.close()
    return row | {"other": other}


def unlike(model: Path, items: list[Any], ask: Any) -> int:
    """How many items have another probability or label than they have natively."""
    native, count = _native.Model(model), 0
    for at in range(0, len(items), AT_ONCE):
        some = items[at : at + AT_ONCE]
        for (shares, chosen), said in zip(expected(native, some), ask(some), strict=True):
            count += said != [shares, [label for label, given in enumerate(chosen) if given]]
    return count


@contextmanager
def served(model: Path) -> Iterator[str]:
    """The address of a page, and of its worker, that load a model."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (*FOLDER.iterdir(), model):
            shutil.copy(path, folder)
        Path(folder, "page.html").write_text(PLAIN, "utf-8")
        Path(folder, "worker.mjs").write_text(WORKER, "utf-8")
        handler = functools.partial(Quiet, directory=folder)
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}"
            finally:
                server.shutdown()
                thread.join()


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    main()
