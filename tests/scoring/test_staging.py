"""The folder of a run: what is left of it where it could not be made."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from zap.errors import DatasetError
from zap.scoring import staging
from zap.scoring.run_folder import RunFolder
from zap.scoring.staging import STAGING, Staging


def _full(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["mkdir", "open", "_locked", "rename", "_clear_dead"])
def test_a_run_that_cannot_begin_leaves_nothing(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if hasattr(Path, step) and step != "open":
        monkeypatch.setattr(Path, step, _full)
    else:
        monkeypatch.setattr(staging, step, _full, raising=False)
    run = Staging(str(tmp_path))
    with pytest.raises(DatasetError, match="No space left"):
        run.begin()
    assert list(tmp_path.iterdir()) == []


def test_another_run_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Staging(str(tmp_path))
    first.begin()
    monkeypatch.setattr(staging, "_clear_dead", _full)
    with pytest.raises(DatasetError):
        Staging(str(tmp_path)).begin()
    assert [str(path) for path in (tmp_path / STAGING).iterdir()] == [first.path]
    first.end()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "out[v=2]", "out*", "what?"])
def test_a_folder_is_looked_through_by_its_name(tmp_path: Path, name: str) -> None:
    folder = RunFolder(str(tmp_path / name))
    (tmp_path / name / "letters").mkdir(parents=True)
    for other in ("letters/b", "letters/a", "other"):
        folder.write_bytes(other, b"1")
    assert folder.glob("letters/*") == ["letters/a", "letters/b"]
