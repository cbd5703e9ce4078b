"""How a page is put together: what it may run, and how data and models stand in it."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.reporting.page import MOST_MODELS, as_script_data, carried_models, hashed, own_file, policy, rendered

pytest.importorskip("jinja2", reason="the extra report is not installed")

COMPARED = {"name": "x", "data": "x", "sentence": "x", "sizes": [], "rows": [], "seeds": 1, "machine": "", "chart": ""}


@given(st.recursive(st.text() | st.floats(allow_nan=False) | st.none(), lambda inner: st.lists(inner), max_leaves=5))
def test_data_come_back_and_end_no_element(value: object) -> None:
    said = as_script_data(value)
    assert json.loads(said) == value
    assert said.isascii()
    assert not set("<>&") & set(said)


def test_the_policy_allows_this_script_and_this_style_alone() -> None:
    found = policy("let a;", "b {}")
    assert f"script-src '{hashed('let a;')}' 'wasm-unsafe-eval'; style-src '{hashed('b {}')}'" in found
    assert "unsafe-inline" not in found


def test_a_page_without_models_holds_neither_them_nor_the_runtime() -> None:
    html = rendered("compare.html", COMPARED, {"thresholds": []}, {}).decode()
    assert "application/octet-stream" not in html
    assert own_file("page.js") in html


def test_a_model_that_is_too_large_is_left_out() -> None:
    html = rendered("compare.html", COMPARED, {}, {"packed": b"small", "dense": bytes(MOST_MODELS)}).decode()
    assert f'id="model-packed">{base64.b64encode(b"small").decode()}<' in html
    assert 'id="model-dense"' not in html
    assert carried_models({"packed": bytes(MOST_MODELS + 1), "dense": b"small"}) == {}
