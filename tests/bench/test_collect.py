"""The load on the collector and the bare server runs, and counts what was answered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.collect.load import main


def test_both_servers_take_the_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "figures.json"
    short = [
        "--seconds",
        "0.4",
        "--slice",
        "0.2",
        "--batches",
        "1,10",
        "--clients",
        "4",
    ]
    main([*short, "--work", str(tmp_path), "--json", str(figures)])
    rows = json.loads(figures.read_text())
    assert [row["batch"] for row in rows] == [1, 10]
    for row in rows:
        for server in ("bare", "ours"):
            assert row[server]["refused"] == 0
            assert row[server]["events_a_second"] > 0
        assert row["ratio"] > 0
    table = capsys.readouterr().out
    assert table.count("| bare |") == table.count("| ours |") == 2
