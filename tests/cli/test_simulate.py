"""``zap simulate`` as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
    assert main(simulate(tmp_path / "shop", "--workers", "1")) == 0
    shown = capsys.readouterr().out
    assert "no real shop, and no real people" in shown
    assert f"zap run simulated_shop --input {tmp_path / 'shop' / 'events'}" in shown


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
