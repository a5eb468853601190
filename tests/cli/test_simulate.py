"""``zap simulate`` as it is typed."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import zap
from zap.cli.main import main
from zap.simulation.folder import Folder


def simulate(output: Path, *more: str) -> list[str]:
    return ["simulate", "--output", str(output), "--events", "2000", *more]


def test_it_prints_one_object_with_what_was_made(tmp_path: Path, capfd) -> None:
    argv = simulate(tmp_path / "shop", "--seed", "4", "--from", "2024-05-01")
    assert main([*argv, "--days", "7", "--workers", "1", "--json"]) == 0
    shown = capfd.readouterr()
    assert shown.err == ""  # no terminal, no progress
    made = json.loads(shown.out)
    folder = Folder(tmp_path / "shop")
    assert made["simulation"] == folder.info()
    assert made["simulation"]["simulated"] is True
    assert made["simulation"]["settings"]["start"] == "2024-05-01"
    assert made["events"] == str(folder.events)
    rows = sum(pq.read_metadata(events).num_rows for events, _ in folder.parts())
    assert made["simulation"]["counts"]["rows"] == rows


def test_people_are_told_that_it_is_simulated_and_what_is_next(
    tmp_path: Path, capsys
) -> None:
    folder = tmp_path / "my shop"
    assert main(simulate(folder, "--workers", "1")) == 0
    shown = capsys.readouterr().out
    assert "no real shop, and no real people" in shown
    words = shlex.split(shown.splitlines()[-1])
    assert words[:5] == ["zap", "run", "simulated_shop", "--input", f"{folder}/events"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--bots", "0.9"], "Received: bots=0.9"),
        (["--days", "0"], "Received: days=0"),
        (["--from", "May"], "Received: start='May'"),
        (["--workers", "0"], "Received: workers=0"),
    ],
)
def test_a_mistake_ends_with_2_and_leaves_nothing(
    tmp_path: Path, capsys, more: list[str], said: str
) -> None:
    assert main(simulate(tmp_path / "shop", *more)) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("zap simulate: Expected ") and said in shown.err
    assert shown.out == "" and not (tmp_path / "shop").exists()


def test_a_directory_that_is_taken(tmp_path: Path, capsys) -> None:
    argv = simulate(tmp_path / "shop", "--workers", "1", "--json")
    assert main(argv) == 0
    capsys.readouterr()
    assert main(argv) == 2
    assert "pass --replace" in json.loads(capsys.readouterr().out)["message"]
    assert main([*argv, "--replace"]) == 0


def test_two_processes_as_a_command_of_its_own(tmp_path: Path) -> None:
    """Started anew, each of its processes has to find its way."""
    root = str(Path(zap.__file__).parents[1])
    argv = ["simulate", "--output", str(tmp_path / "shop"), "--events", "620000"]
    done = subprocess.run(
        [sys.executable, "-m", "zap.cli.main", *argv, "--workers", "2", "--json"],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=root),
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["simulation"]["parts"] == 2


def workers_of(pid: int) -> list[Path]:
    """What Linux tells of the processes that make the parts."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    told = [Path("/proc", child) for child in children]
    return [each for each in told if "spawn_main" in (each / "cmdline").read_text()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="not Linux")
def test_ctrl_c_is_the_parents_alone_from_the_first_moment(tmp_path: Path) -> None:
    """A terminal sends it to all, also to workers that are still importing."""
    command = ["-m", "zap.cli.main", *simulate(tmp_path / "shop", "--workers", "2")]
    with subprocess.Popen(
        [sys.executable, *command, "--events", "900000"],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=dict(os.environ, PYTHONPATH=str(Path(zap.__file__).parents[1])),
    ) as process:
        while process.poll() is None and not (found := workers_of(process.pid)):
            time.sleep(0.001)
        status = (found[0] / "status").read_text().splitlines()
        os.killpg(process.pid, signal.SIGKILL)
    blocked = next(line for line in status if line.startswith("SigBlk:")).split()[1]
    assert int(blocked, 16) >> (signal.SIGINT - 1) & 1
