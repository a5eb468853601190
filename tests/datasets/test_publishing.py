"""Publishing: one step where there is one, and all bytes on the disk before it."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

import pytest

from zap.datasets import publishing
from zap.datasets.publishing import exchange, place, replace_folder, sync, sync_tree
from zap.datasets.store import COMPLETED, Workspace


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "name").write_text(text)
    return path


def test_two_folders_exchange_their_names(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "one", "1"), folder(tmp_path / "other", "2")
    if not exchange(one, other):
        pytest.skip("the file system of tmp_path cannot exchange names")
    assert (one / "name").read_text() == "2"
    assert (other / "name").read_text() == "1"
    with pytest.raises(FileNotFoundError):
        exchange(one, tmp_path / "none")


class Absent:
    """A C library of a system without the call."""


class Refusing:
    """A file system that knows no exchange."""

    def renameat2(self, *args: object) -> int:
        ctypes.set_errno(errno.EINVAL)
        return -1


@pytest.mark.parametrize("library", [Absent, Refusing])
def test_without_an_exchange_the_old_folder_steps_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: type
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *args, **kwargs: library())
    made, final = folder(tmp_path / ".made", "new"), folder(tmp_path / "final", "old")
    replace_folder(made, final)
    assert (final / "name").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["final"]


def test_a_rename_that_fails_gives_the_old_folder_its_name_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "exchange", lambda one, other: False)
    final = folder(tmp_path / "final", "old")
    with pytest.raises(FileNotFoundError):
        replace_folder(tmp_path / "none", final)
    assert (final / "name").read_text() == "old"


def test_a_name_is_given_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    taken = folder(tmp_path / "taken", "mine")
    assert place(folder(tmp_path / "a", "a"), tmp_path / "free")
    assert place(folder(tmp_path / "b", "b"), tmp_path / "empty")
    made = folder(tmp_path / "c", "c")
    assert not place(made, taken)
    assert not place(made, tmp_path / "file")
    assert (taken / "name").read_text() == "mine"
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "none", tmp_path / "free2")


def test_all_is_synced_before_the_mark_and_the_mark_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, synced = os.fsync, []

    def noted(file: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{file}"))
        real(file)

    monkeypatch.setattr(os, "fsync", noted)
    workspace = Workspace(tmp_path / "d")
    made = Path(workspace.path)
    for name in ("train/part-0", "variants/on_time/part-0", "dead_letters/a.jsonl"):
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).write_text(name)
    expected = {str(path) for path in made.rglob("*")} | {str(made)}
    workspace.publish()
    mark = synced.index(str(made / COMPLETED))
    assert set(synced[:mark]) == expected
    assert synced[mark:] == [str(made / COMPLETED), str(made), str(tmp_path)]


def test_a_disk_that_fails_is_an_error_and_one_that_cannot_sync_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(tmp_path / "d", "1")

    def fails(number: int):
        def fsync(file: int) -> None:
            raise OSError(number, os.strerror(number))

        return fsync

    monkeypatch.setattr(os, "fsync", fails(errno.EINVAL))
    sync(tmp_path / "d" / "name")
    sync_tree(tmp_path / "d")
    monkeypatch.setattr(os, "fsync", fails(errno.EIO))
    with pytest.raises(OSError, match="Input/output"):
        sync_tree(tmp_path / "d")
