"""prunetext.js gives the native runtime's labels and probabilities, to the bit, in a page and in a worker."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from helpers.browser import NAMES
from helpers.javascript import ASK, check, three_models
from helpers.wasm import wasm_folder

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
    served: tuple[Path, str, Callable[[], Any]], make_model: Callable[..., Path]
) -> None:
    browser = next((found for name in NAMES if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("there is no Chromium: install chromium to test prunetext.js in a page and in a worker")
    folder, address, wait = served
    for path in wasm_folder().iterdir():
        shutil.copy(path, folder)
    path, items = three_models(make_model)["several"]
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
