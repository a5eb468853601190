"""Claims: one live run for each output, and only the dead are cleared up after."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zap.datasets.claim import Claim
from zap.datasets.store import COMPLETED, Workspace
from zap.errors import DatasetError

HOLDS = """
import sys
from zap.datasets.store import Workspace
workspace = Workspace(sys.argv[1])
print(workspace.path, flush=True)
sys.stdin.read()
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_live_run_is_left_alone_and_a_dead_one_cleared_up_after(
    tmp_path: Path,
) -> None:
    output = tmp_path / "d"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, output],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin and other.stdout
    with other:
        made = Path(other.stdout.readline().strip())
        with pytest.raises(DatasetError, match=r"whose \.d\.lock a live process holds"):
            Workspace(output)
        assert (made / "train").is_dir()
        other.send_signal(signal.SIGKILL)
    assert names(tmp_path) == [".d.lock", made.name]
    workspace = Workspace(output)
    assert names(tmp_path) == [".d.lock", Path(workspace.path).name]
    assert workspace.path != str(made)
    workspace.discard()
    assert names(tmp_path) == []


def test_only_names_that_runs_give_are_cleared(tmp_path: Path) -> None:
    mine = [
        ".d.tmp-notes",
        ".d.tmp-0123456",
        ".d.tmp-01234567.tmp-01234567",
        ".d2.tmp-01234567",
        ".dXtmp-01234567",
        "d.tmp-01234567",
    ]
    for name in [*mine, ".d.tmp-89abcdef", ".d.tmp-89abcdef.old"]:
        (tmp_path / name).mkdir()
    claim = Claim(tmp_path / "d")
    claim.clear()
    claim.release(keep_parents=True)
    assert names(tmp_path) == sorted(mine)


def test_what_was_replaced_when_the_run_died_gets_its_name_back(
    tmp_path: Path,
) -> None:
    whole, half = tmp_path / ".d.tmp-00000000.old", tmp_path / ".d.tmp-11111111.old"
    whole.mkdir()
    half.mkdir()
    (whole / COMPLETED).write_text("whole")
    claim = Claim(tmp_path / "d")
    claim.recover()
    assert (tmp_path / "d" / COMPLETED).read_text() == "whole"
    claim.clear()
    claim.release(keep_parents=True)
    assert names(tmp_path) == ["d"]


def test_a_file_system_without_locks_gets_no_clearing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(file, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    left = tmp_path / ".d.tmp-00000000"
    left.mkdir()
    one, other = Workspace(tmp_path / "d"), Workspace(tmp_path / "d")
    assert left.exists() and one.path != other.path
    one.publish()
    with pytest.raises(DatasetError, match="does not exist yet"):
        other.publish()
    other.discard()
    assert left.exists() and (tmp_path / "d" / COMPLETED).exists()


def test_a_lock_that_cannot_be_had_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(file, how):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", fails)
    with pytest.raises(DatasetError, match=r"output=.*Input/output error"):
        Workspace(tmp_path / "a" / "d")
    assert not (tmp_path / "a" / "d").exists()


RACES = """
import sys
from zap.datasets.store import Workspace
from zap.errors import DatasetError
output, number = sys.argv[1:]
print(flush=True)
sys.stdin.readline()
won = 0
for _ in range(60):
    try:
        workspace = Workspace(output, replace=True)
    except DatasetError as error:
        assert "no other run" in str(error), error
        continue
    for part in ("one", "other"):
        workspace.write_json(f"train/{part}.json", int(number))
    workspace.write_json("manifest.json", {"encoder_fingerprint": number})
    workspace.publish()
    won += 1
print(won)
"""


def test_runs_that_race_for_one_output_never_mix(tmp_path: Path) -> None:
    output = tmp_path / "d"
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACES, output, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for racer in racers:
        assert racer.stdout and racer.stdout.readline()
    won = [racer.communicate("\n")[0] for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0, 0]
    assert sum(map(int, won)) > 0
    one, other = (output / "train" / f"{p}.json" for p in ("one", "other"))
    assert one.read_text() == other.read_text()
    assert names(output / "train") == ["one.json", "other.json"]
    assert names(tmp_path) == ["d"]
