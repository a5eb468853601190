"""The documentation is run: examples in docstrings, Python and console blocks.

In README.md and docs/*.md
- a block marked ``python`` is run as a program of its own (or as a doctest, where it
  has prompts);
- the lines of a block marked ``console`` that begin with ``$ `` are run by bash with
  Zap's own command on PATH, and each must succeed;
- a block after ``<!-- file: NAME -->`` is first written to that file;
- a block after ``<!-- not-run: reason -->`` is left alone.
The blocks of one document share an empty directory and are run in their order.
"""

from __future__ import annotations

import doctest
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LONG = (  # they train models, and start servers
    "analysis.md",
    "dataset.md",
    "models.md",
    "retraining.md",
    "scoring.md",
    "serving.md",
)
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "zap").rglob("*.py"))
    if ">>>" in path.read_text(encoding="utf-8") and "templates" not in path.parts
]
FIRST_COMMANDS = {"run", "generate", "train", "evaluate", "new"}


@dataclass(frozen=True)
class Block:
    """A fenced block of a document.

    Attributes:
        language: the word after the fence, or nothing.
        text: what is inside.
        line: where it begins, 1-based.
        note: the word of the comment right above (``not-run``, ``file``), or nothing.
        value: what that comment says after the colon.
    """

    language: str
    text: str
    line: int
    note: str = ""
    value: str = ""


FENCED = re.compile(
    r"(?:^<!-- (?P<note>[a-z-]+): (?P<value>[^\n]+?) -->\n\s*?)?"
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def blocks_of(markdown: str) -> Iterator[Block]:
    """The fenced blocks of a document, in order."""
    for match in FENCED.finditer(markdown):
        line = markdown.count("\n", 0, match.start("language")) + 1
        yield Block(
            match["language"],
            match["text"],
            line,
            match["note"] or "",
            match["value"] or "",
        )


def programs_of(block: Block, file: str) -> Iterator[list[str]]:
    """The commands that a block consists of; its text is in ``file``."""
    if block.note == "not-run":
        return
    if block.language == "python" and ">>>" in block.text:
        yield [sys.executable, "-m", "doctest", "-o", "ELLIPSIS", file]
    elif block.language == "python":
        yield [sys.executable, file]
    elif block.language == "console":
        for line in block.text.replace("\\\n", "").splitlines():
            if line.startswith("$ "):
                yield ["bash", "-c", line[2:]]


def run_blocks(blocks: Iterator[Block], folder: Path) -> list[str]:
    """Runs the blocks in the folder; what went wrong, a text for each failure."""
    environment = dict(os.environ, PATH=f"{BIN}{os.pathsep}{os.environ['PATH']}")
    wrong = []
    for block in blocks:
        name = block.value if block.note == "file" else "block.txt"
        (folder / name).write_text(block.text, encoding="utf-8")
        for program in programs_of(block, name):
            done = subprocess.run(
                program, cwd=folder, env=environment, capture_output=True, text=True
            )
            if done.returncode:
                output = (done.stdout + done.stderr)[-3000:]
                command = program[-1] if program[0] == "bash" else block.text
                wrong.append(
                    f"line {block.line}: exit code {done.returncode}\n"
                    f"{command}\n{output}"
                )
    return wrong


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_in_docstrings(module: str) -> None:
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.testmod(importlib.import_module(module), optionflags=options)
    assert result.attempted and not result.failed


def once_in_ci(document: Path) -> Any:
    """A document as a parameter; the long ones are for CI and SLOW=1."""
    marks = [pytest.mark.slow] if document.name in LONG else []
    return pytest.param(document, id=document.name, marks=marks)


@pytest.mark.parametrize("document", map(once_in_ci, DOCUMENTS))
def test_the_blocks_of_a_document(document: Path, tmp_path: Path) -> None:
    blocks = blocks_of(document.read_text(encoding="utf-8"))
    assert not run_blocks(blocks, tmp_path)


@cache
def words_of_the_docs() -> str:
    """All documents as one text."""
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def run_zap(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Zap's own command, as it is installed beside this Python."""
    command = BIN / "zap"
    assert command.exists(), f"{command} is missing; pip install -e . puts it there"
    return subprocess.run([command, *arguments], capture_output=True, text=True)


def test_every_command_is_in_the_docs() -> None:
    from zap.cli.main import COMMANDS

    commands = {command.name for command in COMMANDS}
    listed = run_zap("--help").stdout
    assert all(re.search(rf"^ +{name}\b", listed, re.MULTILINE) for name in commands)
    assert commands >= FIRST_COMMANDS
    missing = {
        c for c in commands if not re.search(rf"\bzap {c}\b", words_of_the_docs())
    }
    assert not missing


def test_every_generator_is_in_the_docs() -> None:
    from zap.examples.registry import registered

    shipped = {
        n for n, c in registered().items() if c.__module__.startswith("generators.")
    }
    assert "cdnow_repurchase" in shipped
    assert {name for name in shipped if f"`{name}`" not in words_of_the_docs()} == set()


LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    links = LINK.findall(document.read_text(encoding="utf-8"))
    assert [link for link in links if not (document.parent / link).exists()] == []


# The reader of documents itself, on made ones.


def fenced(language: str, text: str, comment: str = "") -> str:
    return f"{comment}\n```{language}\n{text}\n```\n"


def test_blocks_are_found_with_their_notes() -> None:
    text = "Words\n" + fenced("python", "a = 1", "<!-- file: a.py -->") + "\n"
    text += fenced("console", "$ true") + fenced("", "x", "<!-- not-run: a picture -->")
    assert list(blocks_of(text)) == [
        Block("python", "a = 1\n", 3, "file", "a.py"),
        Block("console", "$ true\n", 8),
        Block("", "x\n", 12, "not-run", "a picture"),
    ]


@pytest.mark.parametrize(
    "markdown",
    [
        fenced("python", "raise SystemExit(3)"),
        fenced("python", ">>> 1 + 1\n3"),
        fenced("console", "$ true\n$ false\n$ true"),
        fenced("console", "$ test a = \\\n  b"),
    ],
)
def test_a_wrong_block_is_seen(markdown: str, tmp_path: Path) -> None:
    assert len(run_blocks(blocks_of(markdown), tmp_path)) == 1


@pytest.mark.parametrize(
    "markdown",
    [
        fenced("python", "print(1)") + fenced("python", ">>> 1 + 1\n2"),
        fenced("console", "$ true\nwhat it prints\n$ test a = \\\n  a"),
        fenced("toml", 'a = "b"', "<!-- file: a.toml -->")
        + fenced("console", "$ test -s a.toml"),
        fenced("console", "$ false", "<!-- not-run: takes an hour -->"),
    ],
)
def test_a_right_block_passes(markdown: str, tmp_path: Path) -> None:
    assert run_blocks(blocks_of(markdown), tmp_path) == []
