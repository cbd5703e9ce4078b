"""From content to one HTML file: everything is inside, nothing is fetched, and nothing of a text is ever markup.

The policy in the page allows its own script and style by their hashes, WebAssembly, and nothing else: no request can
leave it, whatever a text, a label or a file name holds.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

from prunetext.errors import require

MOST_MODELS = 1_300_000  # bytes of all model files inside a page
_FOLDER = "prunetext.reporting"


def rendered(template: str, content: dict[str, Any], data: dict[str, Any], models: dict[str, bytes]) -> bytes:
    """The page; template: its file. data: what its script reads. models: packed files by name, for the box to type in.

    rendered("run.html", content_of(facts, texts), {"thresholds": []}, {"packed": packed.read_bytes()})
    """
    jinja = require("jinja2", extra="report")
    environment = jinja.Environment(
        loader=jinja.FunctionLoader(own_file), autoescape=True, undefined=jinja.StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"count": "{:,.0f}".format, "points": _points, "decimals": _decimals, "share": _share}
    script, style = script_of(runs_models=bool(models)), own_file("page.css")
    carried = carried_models(models)
    wasm = {name: encoded(gzip.compress(raw, mtime=0)) for name, raw in wasm_files().items()} if carried else {}
    html: str = environment.get_template(template).render(
        **content,
        policy=policy(script, style),
        script=jinja.utils.markupsafe.Markup(script),
        style=jinja.utils.markupsafe.Markup(style),
        carried_data=jinja.utils.markupsafe.Markup(as_script_data({**data, "modelNames": list(carried)})),
        carried=carried,
        wasm=wasm,
    )
    return html.encode("utf-8", "replace")


def carried_models(models: dict[str, bytes]) -> dict[str, str]:
    """The model files that a page has room for, as base64: the first ones, up to the first that does not fit.

    >>> carried_models({"packed": b"small", "dense": bytes(MOST_MODELS)})
    {'packed': 'c21hbGw='}
    """
    found, left = {}, MOST_MODELS
    for name, raw in models.items():
        if len(raw) > left:
            break
        found[name], left = encoded(raw), left - len(raw)
    return found


def own_file(name: str) -> str:
    """A file of the page."""
    return (files(_FOLDER) / "page" / name).read_text("utf-8")


def wasm_files() -> dict[str, bytes]:
    """The runtime as WebAssembly, by file name; empty where this installation has none."""
    folder = files("prunetext.runtime") / "wasm"
    if not folder.is_dir():
        return {}
    return {each.name: each.read_bytes() for each in sorted(folder.iterdir(), key=str) if each.name.endswith(".wasm")}


def script_of(*, runs_models: bool) -> str:
    """The page's script, in front of which stands the runtime's own, if there is one."""
    script = own_file("page.js")
    runtime = files("prunetext.runtime") / "wasm" / "prunetext.js"
    if not runs_models or not wasm_files() or not runtime.is_file():
        return script
    own = re.sub(
        r"^export (?=(async |function|class|const|default))", "", runtime.read_text("utf-8"), flags=re.MULTILINE
    )
    return f"{own}\n{script}"


def policy(script: str, style: str) -> str:
    """The content security policy: this very script and style, and WebAssembly."""
    allowed = f"script-src '{hashed(script)}' 'wasm-unsafe-eval'; style-src '{hashed(style)}'"
    return f"default-src 'none'; {allowed}; img-src data:; base-uri 'none'; form-action 'none'"


def hashed(text: str) -> str:
    """The digest by which a policy knows a script or a style.

    >>> hashed("")
    'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='
    """
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def encoded(raw: bytes) -> str:
    """Bytes as base64."""
    return base64.b64encode(raw).decode()


def as_script_data(value: Any) -> str:
    r"""JSON that cannot end the element that it stands in.

    >>> as_script_data({"text": "</script>"})
    '{"text":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _points(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # never -0.00


def _decimals(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.2f} %"
