"""What the README, the pages in docs/ and the docstrings show is run here.

In Markdown, ```python blocks of a page run in order in one namespace and one temporary folder, which holds a copy of
`examples` as a clone does; in ```console blocks the lines that start with "$ " run there and must exit 0. A block
right under `<!-- not run: reason -->` is left out, and a block inside an HTML comment is run without being shown.
Lines with ">>> " are checked by doctest.
"""

import doctest
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import prunetext

ROOT = Path(__file__).resolve().parent.parent
PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))) if page.exists()]
LINKED = [*PAGES, ROOT / "CONTRIBUTING.md"]
MOST_README = 130  # lines
MOST_NOT_RUN = 6  # blocks that cannot run in a test: installation, `make` itself, and other languages
RUN = {"python", "console", "bash"}
FENCE = re.compile(r"^```(\w*)\s*$")
NOT_RUN = re.compile(r"^<!-- not run: \S.* -->$")
LINK = re.compile(r"\]\(([^()\s]+)\)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Block(NamedTuple):
    language: str
    line: int  # of its first line of code, counted from 1
    code: str
    not_run: bool


def blocks(page: Path) -> Iterator[Block]:
    last_words = ""  # the last line before the block that is not empty
    language, start, code = None, 0, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line)
        if language is None and fence:
            language, start, code = fence[1], number + 1, []
        elif language is not None and line.startswith("```"):
            yield Block(language, start, "\n".join(code) + "\n", bool(NOT_RUN.match(last_words)))
            language, last_words = None, ""
        elif language is not None:
            code.append(line)
        elif line.strip():
            last_words = line.strip()
    assert language is None, f"{page.name}: the block at line {start} is not closed"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", "examples")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in blocks(page):
        if block.language not in RUN or block.not_run:
            continue
        if block.language == "python":
            run_python(block, page, namespace)
        else:
            run_console(block, page, tmp_path)


def run_python(block: Block, page: Path, namespace: dict[str, object]) -> None:
    if ">>> " in block.code:
        test = doctest.DocTestParser().get_doctest(block.code, namespace, page.name, str(page), block.line - 1)
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        said: list[str] = []
        runner.run(test, out=said.append, clear_globs=False)
        namespace.update(test.globs)
        assert runner.failures == 0, "".join(said)
    else:
        # The empty lines give a traceback the page's own line numbers.
        exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec"), namespace)


def run_console(block: Block, page: Path, folder: Path) -> None:
    commands = [line.removeprefix("$ ") for line in block.code.splitlines() if line.startswith("$ ")]
    assert commands, f'{page.name}, line {block.line}: no line starts with "$ "; say why it is not run, or add one'
    # `prunetext` means the one under test, whatever else is installed.
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    command = programs / "prunetext"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m prunetext "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    environment = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    for line in commands:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{page.name}, line {block.line}: {line}\n{done.stdout}{done.stderr}"


def test_few_blocks_are_not_run() -> None:
    runnable = [block for page in PAGES for block in blocks(page) if block.language in RUN]
    not_run = [block for block in runnable if block.not_run]
    assert len(not_run) <= MOST_NOT_RUN
    assert len(not_run) < len(runnable), "no page shows anything that is run"


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page may say behind its #: lower-case words with dashes between them."""
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    """The links of a page to files that are not there, or to headings that they do not have."""
    found = []
    for link in LINK.findall(CODE.sub("", FENCED.sub("", page.read_text(encoding="utf-8")))):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page) == []


def test_dead_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One, two\n\n[a](#one-two) [b](#three) [c](page.md#one-two) [d](none.md)\n[e](https://a.b)\n")
    assert dead_links(page) == ["#three", "none.md"]


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    named = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    assert {*PAGES} - named - {index} == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= MOST_README


@pytest.mark.parametrize(
    "module", sorted(found.name for found in pkgutil.walk_packages(prunetext.__path__, "prunetext."))
)
def test_docstring_examples_hold(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert outcome.failed == 0, "see the differences above"


@pytest.mark.parametrize("name", ["make_cli_reference.py", "make_methods_page.py", "make_results_page.py"])
def test_a_generated_page_is_up_to_date(name: str) -> None:
    script = ROOT / "scripts" / name
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_examples_of_the_statistics_of_a_page_hold() -> None:
    command = [sys.executable, "-m", "doctest", ROOT / "scripts" / "paired.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_the_readme_shows_first_is_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first code of the README and its first command end well: a model that has learnt, on data that are there."""
    found = list(blocks(ROOT / "README.md"))
    assert "<!--\n```" not in (ROOT / "README.md").read_text("utf-8"), "nothing that it needs is hidden"
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "examples", "examples")
    namespace: dict[str, object] = {}
    first = next(block for block in found if block.language == "python")
    run_python(first, ROOT / "README.md", namespace)
    result, classifier = namespace["result"], namespace["clf"]
    assert isinstance(result, prunetext.Result)
    assert isinstance(classifier, prunetext.Classifier)
    assert result.score.accuracy >= 0.9
    assert result.score.n >= 40
    assert classifier.predict(["great film", "dull"]) == ["pos", "neg"]
