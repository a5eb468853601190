"""The study behind a search: asked, told, stopped, taken up."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna", reason="needs extra: train")

from zap.errors import MissingExtraError, TrainingError
from zap.training import tuning
from zap.training.config import ModelConfig
from zap.training.space import DEFAULT_SPACE, Choices, Range
from zap.training.trials import Record, Trial, base_of, best_of, done
from zap.training.tuning import Search, import_optuna

BASE = ModelConfig(epochs=3)
DATA = {"dataset": "d1"}


MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose files are synced at once: a search syncs after every epoch."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


def search_in(folder: Path, seed: int = 0, **more) -> Search:
    given = {"space": DEFAULT_SPACE, "base": BASE, "identity": DATA, **more}
    return Search(folder / "s.db", seed=seed, **given)


def loss_of(config: ModelConfig) -> float:
    """A made-up loss whose minimum is known."""
    return float(
        np.log10(config.l2) ** 2 + config.dropout + abs(config.units - 64) / 50
    )


def follow(search: Search, trial: Trial) -> None:
    loss = loss_of(trial.config)
    for epoch in range(1, trial.config.epochs + 1):
        if not search.report(trial, epoch, loss + 1 / epoch):
            search.prune(trial)
            return
    search.complete(trial, loss)


def go_on(search: Search, total: int) -> list[Record]:
    while trial := search.next(total):
        follow(search, trial)
    return search.records()


def tried(records: list[Record]) -> list[tuple]:
    """What was tried to an end, without the numbers."""
    ended = [r for r in records if r.state != "interrupted"]
    return [(r.state, r.value, r.settings, r.base, r.epochs) for r in ended]


def test_the_first_trial_is_the_base_and_the_rest_is_in_the_space(folder) -> None:
    search = search_in(folder)
    first = search.next(30)
    assert first == Trial(0, BASE, True)
    follow(search, first)
    records = go_on(search, 12)
    assert len(records) == done(records) == 12
    assert [r.base for r in records] == [True] + 11 * [False]
    for record in records:
        assert set(record.settings) == set(DEFAULT_SPACE)
        assert all(DEFAULT_SPACE[n].holds(v) for n, v in record.settings.items())
        assert isinstance(search.config_of(record).units, int)


def test_it_finds_what_is_better_and_gives_up_what_is_worse(folder) -> None:
    search = search_in(folder)
    records = go_on(search, 25)
    best, first = best_of(records), base_of(records)
    assert best.value == min(r.value for r in records if r.state == "complete")
    assert best.value < first.value == loss_of(BASE)
    assert best.value == loss_of(search.config_of(best))
    pruned = [r for r in records if r.state == "pruned"]
    assert pruned and all(2 <= r.epochs < BASE.epochs for r in pruned)
    assert all(r.number > 5 for r in pruned)
    shares = search.importances()
    assert sum(shares.values()) == pytest.approx(1) and set(shares) == set(
        DEFAULT_SPACE
    )
    assert next(iter(shares)) == "l2"


def test_the_base_is_never_given_up(folder) -> None:
    search = search_in(folder)
    first = search.next(40)
    others = [search.next(40) for _ in range(8)]
    for trial in others:
        for epoch in range(1, 4):
            search.report(trial, epoch, 0.1)
        search.complete(trial, 0.1)
    worst = search.next(40)
    went_on = [search.report(first, e, 9.0) for e in range(1, 4)]
    assert all(went_on)
    assert not all([search.report(worst, e, 9.0) for e in range(1, 4)])


def test_the_same_seed_tries_the_same(folder) -> None:
    runs = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (folder / name).mkdir()
        runs.append(go_on(search_in(folder / name, seed), 13))
    assert runs[0] == runs[1] != runs[2]


def test_a_search_that_was_cut_short_goes_on_as_if_it_had_not_been(folder) -> None:
    for name in ("whole", "cut"):
        (folder / name).mkdir()
    whole = go_on(search_in(folder / "whole"), 14)
    for at in (0, 3, 12):  # each time one is running when it ends
        search = search_in(folder / "cut")
        go_on(search, at)
        running = search.next(14)
        search.report(running, 1, 3.0)
        assert [r.state for r in search.records()].count("running") == 1
    records = go_on(search_in(folder / "cut"), 14)
    states = [r.state for r in records]
    assert states.count("interrupted") == 3 and "running" not in states
    assert done(records) == 14 and tried(records) == tried(whole)


class Killed(BaseException):
    """As if by kill -9: nothing after it is done."""


@pytest.mark.parametrize("done_before", [0, 4])
@pytest.mark.parametrize("chosen", range(len(DEFAULT_SPACE) + 1))
def test_a_kill_while_settings_are_chosen_changes_nothing(
    folder, monkeypatch, done_before: int, chosen: int
) -> None:
    """The file has a running trial then, with some of its settings or none."""
    for name in ("whole", "cut"):
        (folder / name).mkdir()
    whole = go_on(search_in(folder / "whole"), 6)
    search = search_in(folder / "cut")
    go_on(search, done_before)
    suggested, left = tuning._suggested, iter(range(chosen))

    def cut_short(*args):
        if next(left, None) is None:
            raise Killed
        return suggested(*args)

    with monkeypatch.context() as dying:
        dying.setattr(tuning, "_suggested", cut_short)
        if chosen < len(DEFAULT_SPACE):
            with pytest.raises(Killed):
                search.next(6)
        else:
            search.next(6)
    assert len(search.records()[-1].settings) == chosen
    again = search_in(folder / "cut")
    if not done_before:
        first = again.next(6)
        assert (first.config, first.base) == (BASE, True)
        follow(again, first)
    records = go_on(again, 6)
    assert tried(records) == tried(whole)
    assert base_of(records).value == loss_of(BASE)


@pytest.mark.parametrize(
    "name", ["a?b.db", "a#b.db", "a%20b.db", "a b+c.db", "{a}.db", "ä&uri=no.db"]
)
def test_the_file_of_a_search_has_the_very_name_that_was_given(folder, name) -> None:
    given = {"space": DEFAULT_SPACE, "base": BASE, "identity": DATA}
    records = go_on(Search(folder / name, **given), 2)
    assert [path.name for path in folder.iterdir()] == [name]
    assert Search(folder / name, **given).records() == records


def test_a_search_that_is_done_asks_for_nothing_until_more_is_wanted(folder) -> None:
    go_on(search_in(folder), 4)
    again = search_in(folder)
    assert again.next(4) is None and len(again.records()) == 4
    assert done(go_on(again, 6)) == 6


def test_failures_have_reasons_and_count(folder) -> None:
    search = search_in(folder)
    trial = search.next(3)
    search.fail(trial, "the loss was nan after epoch 2")
    search.complete(search.next(3), float("nan"))
    records = go_on(search_in(folder), 3)
    assert [r.state for r in records] == ["failed", "failed", "complete"]
    assert records[0].reason == "the loss was nan after epoch 2"
    assert "nan" in records[1].reason
    assert base_of(records) is None and best_of(records) == records[2]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"identity": {"dataset": "d2"}}, "dataset"),
        ({"identity": {**DATA, "space": 1}}, "space"),
    ],
)
def test_another_search_in_the_file_is_refused(folder, change, word) -> None:
    search_in(folder)
    with pytest.raises(TrainingError, match=rf"other {word}\. Name another"):
        search_in(folder, **change)


def test_a_file_that_is_no_search_is_refused_and_kept(folder) -> None:
    (folder / "s.db").write_text("dear diary")
    with pytest.raises(TrainingError, match=r"storage=.*something else"):
        search_in(folder)
    assert (folder / "s.db").read_text() == "dear diary"


def test_a_base_outside_the_space_makes_no_file(folder) -> None:
    with pytest.raises(TrainingError, match="starts from"):
        search_in(folder, base=replace(BASE, l2=1e5))
    assert not (folder / "s.db").exists()


def test_settings_of_every_kind(folder) -> None:
    space = {
        "batch": Choices((64, 128)),
        "embedding": Range(8, 64, log=True),
        "average": Range(0.897, 0.997, step=0.05),
    }
    records = go_on(search_in(folder, space=space), 12)
    for record in records:
        assert all(space[name].holds(value) for name, value in record.settings.items())
        assert isinstance(record.settings["embedding"], int)


def test_optuna_is_imported_only_when_a_search_is(monkeypatch) -> None:
    program = (
        "import sys, zap.training.tuning, zap.training.trials, zap.jobs.tune; "
        "print([m for m in ('optuna', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install .*\[train\]"):
        import_optuna()
