"""A run that is killed shows nothing of its day, and the next one cleans up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_runs import ForkedRuns
from made_bundles import deployed
from made_scored import AT_US, WINDOWS, archive_of, scored_bundle, scored_events

from zap.times import iso

STEPS = [
    ("os.mkdir", "/dead_letters", 0),
    ("open", "/shuffle/", 0),
    ("open", "-part-00000", 0),
    ("open", "result.json", 0),
    ("os.rename", "2024-03-21.parquet", 0),
]


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[ForkedRuns]:
    server = ForkedRuns(tmp_path / "log.txt")
    yield server
    server.close()


@pytest.mark.slow
def test_a_killed_run_leaves_the_former_day(tmp_path: Path, runs: ForkedRuns) -> None:
    events = scored_events(60, seed=3)
    deployed(tmp_path / "models", scored_bundle(tmp_path / "bundle", WINDOWS))
    output = tmp_path / "out"
    argv = ["score", "shop", "--registry", str(tmp_path / "models"), "--at", iso(AT_US)]
    argv += ["--output", str(output), "--direct_num_workers=1"]
    few = archive_of(tmp_path / "few", events[: len(events) // 2])
    every = archive_of(tmp_path / "every", events)
    assert runs.run([*argv, "--input", *few]) == 0, runs.log.read_text()
    (day,) = output.rglob("*.parquet")
    before = day.read_bytes()
    for step in STEPS:
        assert runs.run([*argv, "--input", *every], die=step) == -9, step
        assert [*output.glob("day=*/*")] == [day] and day.read_bytes() == before
        assert len([*output.glob("_staging/*")]) == 1  # the one before is gone
    assert runs.run([*argv, "--input", *every]) == 0, runs.log.read_text()
    assert [path.name for path in output.iterdir()] == [day.parent.name]
    assert day.read_bytes() != before
