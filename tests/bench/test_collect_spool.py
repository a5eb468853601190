"""The spool's benchmark runs, and counts what it says."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.collect import spool as bench
from zap.collect.spool import SpoolReader


def test_the_table_has_a_line_for_each_shape(capsys: pytest.CaptureFixture) -> None:
    bench.main(["--runs", "1", "--seconds", "0.02"])
    lines = capsys.readouterr().out.splitlines()[2:]
    shapes = [tuple(map(int, line.split("|")[1:3])) for line in lines]
    assert shapes == bench.SHAPES
    assert all(float(line.split("|")[5]) > 0 for line in lines)


def test_both_keep_what_they_count(tmp_path: Path) -> None:
    bare, spool = tmp_path / "bare", tmp_path / "spool"
    bare.mkdir()
    asyncio.run(bench.of_bare(bare, 3, 2, 0.05))
    written = (bare / "bare").stat().st_size
    assert written and written % (2 * bench.RECORD_BYTES) == 0
    figures = asyncio.run(bench.of_spool(spool, 3, 2, 0.05))
    end = SpoolReader(spool).end
    assert end >= 2 and end % 2 == 0 and figures.rate > 0
