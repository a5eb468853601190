"""What can be said of the recipe without taking its steps."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from dockerfile import steps_of

from zap.cli.main import build_parser

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "examples" / "vertex" / "Dockerfile"
STEPS = steps_of(RECIPE)


def test_what_is_copied_is_there() -> None:
    copied = [text for name, text in STEPS if name == "COPY"]
    assert copied
    for text in copied:
        for source in shlex.split(text)[:-1]:
            assert (ROOT / source).exists(), source


def test_every_version_is_pinned() -> None:
    (base,) = (text for name, text in STEPS if name == "ARG" and "BASE" in text)
    image, _, tag = base.partition("=")[2].partition(":")
    assert image and tag.count(".") == 2, base
    assert sum("--constraint constraints.txt" in text for _, text in STEPS) == 1
    lines = (ROOT / "examples" / "vertex" / "requirements.txt").read_text().splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert wanted and all("==" in line for line in wanted)


def test_the_entry_point_is_a_command_of_zap(monkeypatch) -> None:
    monkeypatch.delenv("AIP_TENSORBOARD_LOG_DIR", raising=False)
    (entry,) = (json.loads(text) for name, text in STEPS if name == "ENTRYPOINT")
    program, *words = entry
    asked = [*words, "--examples=gs://a/b", "--output=gs://a/c"]
    assert program == "zap" and build_parser().parse_args(asked).progress == "lines"


def test_it_does_not_run_as_root() -> None:
    (user,) = (text for name, text in STEPS if name == "USER")
    with pytest.raises(ValueError, match="invalid literal"):
        int(user)
    assert user.split(":")[0] != "0"
