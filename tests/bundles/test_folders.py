"""Replacements in one step: beside neighbours, beside one another, after kills."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from made_versions import SEALED, made_bundle

import zap
from zap.bundles import folders, temporaries
from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.sealed import seal
from zap.datasets import publishing

# Replaces the folder FOLDER or the file FILE, and kills itself before or after the call
# that gives the new content its name.
KILLED = """
import os, pathlib, signal, sys
from zap.bundles import folders
from zap.datasets import publishing
target, where, name, moment, exchanges = sys.argv[1:]
module = {"os": os, "publishing": publishing}[where]
step = getattr(module, name)
def killed(*args):
    if moment == "after":
        step(*args)
    os.kill(os.getpid(), signal.SIGKILL)
if exchanges == "no":
    publishing.exchange = lambda *_: False
setattr(module, name, killed)
if target.endswith("file"):
    folders.replace_file(pathlib.Path(target), b"of a dead process")
else:
    folders.put_folder(pathlib.Path(target), {"a": b"of a dead process"})
"""


def killed(target: Path, where: str, name: str, moment: str, exchanges="yes") -> None:
    """A process that dies while it replaces the target."""
    done = subprocess.run(
        [sys.executable, "-c", KILLED, target, where, name, moment, exchanges],
        env={**os.environ, "PYTHONPATH": str(Path(zap.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_neighbour_made_meanwhile_leaves_a_replacement_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training ends in one folder for several bundles, at any moment."""
    write_bundle(tmp_path / "b", {"model": b"1", "report": b"1"}, {})
    write_file, made = folders.write_file, []

    def writing(path: Path, content: bytes, *more: int) -> None:
        write_file(path, content, *more)
        if not made:
            made.append("c")
            write_bundle(tmp_path / "c", {"model": b"3"}, {})

    monkeypatch.setattr(folders, "write_file", writing)
    found = write_bundle(
        tmp_path / "b", {"model": b"2", "report": b"2"}, {}, replace=True
    )
    assert found.read("model") == found.read("report") == b"2"
    assert Bundle.load(tmp_path / "c").read("model") == b"3"
    assert names(tmp_path) == ["b", "c"]


def test_a_file_made_beside_it_leaves_a_replacement_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders.create_file(tmp_path / "a", b"1")
    replace = os.replace

    def replacing(source: Path, target: Path) -> None:
        folders.create_file(tmp_path / "b", b"2")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replacing)
    folders.replace_file(tmp_path / "a", b"3")
    assert files(tmp_path) == {"a": b"3", "b": b"2"}


def test_what_a_killed_replacement_of_a_file_left(tmp_path: Path) -> None:
    """It may hold the very record that somebody asked to be forgotten."""
    target = tmp_path / "file"
    target.write_bytes(b"1")
    killed(target, "os", "replace", "before")
    assert len(names(tmp_path)) == 2 and target.read_bytes() == b"1"
    folders.create_file(tmp_path / "other", b"2")
    folders.replace_file(tmp_path / "other", b"3")
    assert len(names(tmp_path)) == 3  # whose it is, its next replacer knows alone
    folders.replace_file(target, b"4")
    assert files(tmp_path) == {"file": b"4", "other": b"3"}


@pytest.mark.parametrize(
    ("where", "name", "moment", "exchanges"),
    [
        ("publishing", "exchange", "before", "yes"),
        ("publishing", "exchange", "after", "yes"),  # the old content has its name
        ("os", "rename", "before", "no"),
    ],
)
def test_what_a_killed_replacement_of_a_folder_left(
    tmp_path: Path, where: str, name: str, moment: str, exchanges: str
) -> None:
    target = tmp_path / "folder"
    folders.create_folder(target, {"a": b"1"})
    killed(target, where, name, moment, exchanges)
    assert len(names(tmp_path)) == 2
    folders.put_folder(target, {"a": b"2"})
    assert names(tmp_path) == ["folder"] and files(target) == {"a": b"2"}


def test_a_kill_between_two_names_leaves_the_old_folder_until_there_is_a_new_one(
    tmp_path: Path,
) -> None:
    """Where names cannot be exchanged, the old folder steps aside first."""
    target = tmp_path / "folder"
    folders.create_folder(target, {"a": b"1"})
    killed(target, "os", "rename", "after", "no")
    (old,) = tmp_path.glob(".folder.*.old")
    assert not target.exists() and files(old) == {"a": b"1"}
    folders.create_folder(tmp_path / "neighbour", {})
    assert old.exists()
    folders.create_folder(target, {"a": b"2"})
    assert names(tmp_path) == ["folder", "neighbour"]


@pytest.mark.parametrize("exchanges", [True, False])
def test_replacers_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchanges: bool
) -> None:
    """None fails, and what is there at the end is whole and of one of them."""
    if not exchanges:
        monkeypatch.setattr(publishing, "exchange", lambda *_: False)
    folder, file = tmp_path / "folder", tmp_path / "file"
    folders.create_folder(folder, {"a": b"", "b": b""})

    def replace(number: int) -> None:
        content = f"{number}".encode()
        folders.put_folder(folder, {"a": content, "b": content})
        folders.replace_file(file, content)
        folders.create_file(tmp_path / f"other-{number}", content)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(replace, range(20)))
    found = files(folder)
    assert found["a"] == found["b"] != b"" and file.read_bytes() != b""
    assert len(names(tmp_path)) == 2 + 20


def test_a_disk_without_locks_replaces_and_clears_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There nobody can tell a dead replacer from one that writes."""

    def refused(*_: object) -> None:
        raise OSError(37, "No locks available")

    left = tmp_path / ".a.0123456789ab.new"
    left.write_bytes(b"of another")
    monkeypatch.setattr(temporaries.fcntl, "flock", refused)
    folders.replace_file(tmp_path / "a", b"1")
    assert files(tmp_path) == {"a": b"1", left.name: b"of another"}


def test_other_names_are_not_cleared(tmp_path: Path) -> None:
    others = [".a.new", ".a.0123.new", ".aa.0123456789ab.new", "a.0123456789ab.new"]
    for name in others:
        (tmp_path / name).touch()
    folders.replace_file(tmp_path / "a", b"1")
    assert names(tmp_path) == sorted(["a", *others])


def test_a_sealed_file_takes_what_was_left_with_it(tmp_path: Path) -> None:
    """A bundle's verification set: `zap forget` replaces it."""
    bundle = made_bundle(tmp_path, 0)
    path = tmp_path / "bundle-0" / SEALED
    left = path.with_name(f".{SEALED}.0123456789ab.new")
    left.write_bytes(path.read_bytes())
    records, _ = bundle.records(SEALED)
    bundle.replace_sealed(SEALED, seal(records[1:], forgotten=1))
    assert not left.exists() and Bundle.load(bundle.path).contents()
