"""A run that is killed as each of its stages ends, and goes on every time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_runs import ForkedRuns
from made_retraining import ROWS, Shop

from zap.jobs.retrain.runs import STAGES, alone, runs_of


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedRuns]:
    """The server of runs."""
    server = ForkedRuns(tmp_path_factory.mktemp("log") / "log.txt")
    yield server
    server.close()


@pytest.fixture
def new_shop(tmp_path: Path) -> Shop:
    """A shop that was never retrained, its settings in the application's file."""
    shop = Shop(tmp_path)
    shop.feed(ROWS)
    shop.home.mkdir(parents=True)
    said = json.dumps(shop.options())
    (shop.home / "application.json").write_text(said)
    return shop


@pytest.mark.slow
def test_a_run_goes_on_after_kill_9_at_the_end_of_each_stage(
    runs: ForkedRuns, new_shop: Shop
) -> None:
    argv = ["retrain", "shop", "--registry", new_shop.root, "--until", "2024-03-15"]
    stages = STAGES[:-1]
    for number, stage in enumerate(stages, 1):
        before = {s["stage"]: s["when"] for s in done(new_shop)}
        code = runs.run(argv, die=("os.rename", f".{number:02d}-{stage}.json", 0))
        assert code == -9, runs.log.read_text()
        # The stage before is done now; what was done before that stays as it was.
        after = {s["stage"]: s["when"] for s in done(new_shop)}
        assert list(after) == list(stages[: number - 1])
        assert before.items() <= after.items()
        if stage != "deploy":
            assert new_shop.registry.live() is None
    assert runs.run(argv) == 0, runs.log.read_text()
    assert [s["stage"] for s in done(new_shop)] == list(stages)
    assert len(new_shop.registry.history()) == 1  # deployed once, though killed after
    assert new_shop.registry.versions() == [new_shop.registry.live()]
    assert runs.run(argv) == 0 and "already done" in runs.log.read_text()


def test_another_process_is_kept_apart(runs: ForkedRuns, new_shop: Shop) -> None:
    argv = ["retrain", "shop", "--registry", new_shop.root, "--until", "2024-03-15"]
    with alone(new_shop.home, "shop"):
        assert runs.run(argv) == 2
    assert "no other retraining of shop" in runs.log.read_text()
    assert not done(new_shop)


def done(shop: Shop) -> list[dict]:
    return [stage for run in runs_of(shop.home) for stage in run.stages()]
