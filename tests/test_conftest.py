"""A skip for want of a server or an extra fails in CI, and only there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SKIPS = """
import pytest

def test_server():
    pytest.skip("needs server: none is there")

def test_import():
    pytest.importorskip("a_package_that_nobody_has")

@pytest.mark.skip(reason="needs extra: gcp")
def test_marked():
    pass

def test_data():
    pytest.skip("needs data: none are there")

@pytest.mark.xfail(reason="needs server: a known defect is no skip")
def test_known():
    assert False
"""


@pytest.mark.parametrize(
    ("ci", "arguments", "code", "closing"),
    [
        ("", [], 0, "4 skipped, 1 xfailed"),
        ("true", [], 1, "2 failed, 1 skipped, 1 xfailed, 1 error"),
        ("", ["--strict-skips"], 1, "2 failed, 1 skipped, 1 xfailed, 1 error"),
    ],
)
def test_skips_in_ci(
    tmp_path: Path, ci: str, arguments: list[str], code: int, closing: str
) -> None:
    (tmp_path / "test_skips.py").write_text(SKIPS)
    (tmp_path / "conftest.py").write_text(
        (Path(__file__).parent / "conftest.py").read_text()
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=dict(os.environ, CI=ci),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, closing in done.stdout.splitlines()[-1]) == (code, True), (
        done.stdout
    )
