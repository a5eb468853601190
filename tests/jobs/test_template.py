"""``zap new`` writes what runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zap.errors import GeneratorError
from zap.jobs.template import class_name, write_template


def test_the_template_s_own_test_passes(tmp_path: Path) -> None:
    paths = write_template("newsletter_signup", tmp_path / "site")
    assert [path.name for path in paths] == [
        "newsletter_signup.py",
        "newsletter_signup.toml",
        "test_newsletter_signup.py",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path / "site",
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_template_of_no_words_is_of_the_words() -> None:
    assert class_name("my_question") == "MyQuestion"


@pytest.mark.parametrize("name", ["", "My", "1st", "a-b", "class", "a b", "é", "../a"])
def test_names_that_python_cannot_import_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(GeneratorError, match="Received: name="):
        write_template(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["random", "zap", "numpy", "pytest"])
def test_a_name_that_would_hide_another_module_is_refused(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(GeneratorError, match="would hide it"):
        write_template(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "signup.toml").write_text("mine")
    with pytest.raises(GeneratorError, match=r"Received: .*signup\.toml, already"):
        write_template("signup", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["signup.toml"]
