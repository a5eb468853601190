"""A search for better settings on a dataset, and what they gained."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zap.bundles.folders import replace_file
from zap.bundles.target import BINARY
from zap.datasets.claim import Claim
from zap.datasets.store import Dataset
from zap.jobs.tune_gain import Losses, is_sure
from zap.jobs.tune_pool import Pool
from zap.jobs.tune_words import (
    check_apart,
    check_counts,
    check_folder,
    none_complete,
)
from zap.jobs.tune_worker import stopping_half
from zap.training.config import ModelConfig
from zap.training.space import Space, default_space, space_to_dict
from zap.training.trials import FAILED, PRUNED, Record, base_of, best_of, done
from zap.training.tuning import Search

TRIALS = 30
WORKERS = min(2, os.cpu_count() or 1)
_OBJECTIVE = 1  # to be raised when trials of another version would not compare


@dataclass(frozen=True)
class TuneResult:
    """What a search has found so far.

    Attributes:
        config: what was written: the settings of the best trial, or those of the start.
        better: whether the best trial is surely better than the start: the interval of
            the gain in loss lies below 0, on subjects enough to say so.
        best: the best trial.
        base: the trial of the settings that the search started from; None if it failed.
        gain: of the best over the base, on the rows that the search chose by; None
            where the base failed or its losses are gone. See ``gain_of``.
        records: all trials.
        importances: share of each setting, the greatest first; empty after few trials.
    """

    config: ModelConfig
    better: bool
    best: Record
    base: Record | None
    gain: Mapping[str, Any] | None
    records: list[Record]
    importances: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The result as a JSON object."""
        config, counts = self.config.to_dict(), counts_of(self.records)
        return {**asdict(self), "config": config, "counts": counts}


@dataclass(frozen=True)
class State:
    """How far a search is.

    Attributes:
        records: all trials.
        trials: how many are done at the end.
        epochs: of the trials that are running, by number.
    """

    records: list[Record]
    trials: int
    epochs: Mapping[int, int]

    def said(self) -> str:
        """That in words."""
        counts, best = counts_of(self.records), best_of(self.records)
        first = base_of(self.records)
        parts = [f"{done(self.records)} of {self.trials} trials"]
        parts += [
            f"{counts[name]} {name}" for name in (PRUNED, FAILED) if name in counts
        ]
        if best:
            beside = f" (start {first.value:.4f})" if first else ""
            parts.append(f"best loss {best.value:.4f}{beside}")
        running = [f"{n} at epoch {epoch}" for n, epoch in sorted(self.epochs.items())]
        if running:
            parts.append(f"trial {' and '.join(running)}")
        return ", ".join(parts)


def tune(
    dataset: Dataset,
    output: str | Path,
    storage: str | Path,
    *,
    trials: int = TRIALS,
    workers: int = WORKERS,
    space: Space | None = None,
    base: ModelConfig | None = None,
    timeout_seconds: float | None = None,
    seed: int = 0,
    take_best: bool = False,
    watch: Callable[[State], None] | None = None,
) -> TuneResult:
    """Search for settings and write a configuration.

    The best trial is the luckiest too. Its settings are written where they are surely
    better than the start, on the rows that the search chose by; else the start's are.

    The search sees the training split and the stopping half of the validation subjects;
    the half that judges a calibration and the test split are not its to see. It may be
    stopped at any moment and called again: trials that were cut short are tried again,
    and it ends when ``trials`` in total are complete, pruned or failed.

    Args:
        dataset: the examples.
        output: the JSON file to be; replaced if it is there.
        storage: the SQLite file of the search. Beside it a folder holds the losses of
            the first and of the best trial.
        trials: how many are done at the end.
        workers: processes that train at once; with one the search is deterministic.
        space: what may be chosen; ``default_space`` if None.
        base: what the search starts from; the defaults if None.
        timeout_seconds: after which no trial begins; those that run go on to their end.
        seed: of the sampler.
        take_best: write the best trial's settings in any case.
        watch: called several times a second.

    Raises:
        ZapError: arguments or data with which no search is possible; or no trial was
            complete.
    """
    check_counts(trials, workers, timeout_seconds, seed)
    output, storage = Path(output), Path(storage)
    check_folder(output, "output")
    check_folder(storage, "storage")
    check_apart(output, storage)
    label, base = dataset.manifest["label"], base or ModelConfig()
    space = space or default_space(label["kind"] == BINARY, base.kind)
    identity = {
        "dataset": dataset.manifest["digest"],
        "space": space_to_dict(space),
        "base settings": base.to_dict(),
        "objective": _OBJECTIVE,
    }
    claim = Claim(storage)
    try:
        search = Search(storage, space, base, identity, seed)
        losses = Losses(storage)
        losses.tidy(search.records())
        _run(search, losses, dataset, trials, workers, timeout_seconds, watch)
        result = _result(search, losses, dataset, base, take_best)
        text = f"{json.dumps(result.config.to_dict(), indent=2)}\n"
        replace_file(output, text.encode())
        return result
    finally:
        claim.release(keep_parents=True)


def _result(
    search: Search,
    losses: Losses,
    dataset: Dataset,
    base: ModelConfig,
    take_best: bool,
) -> TuneResult:
    """What a search has found; raises where no trial is complete."""
    records = search.records()
    best, first = best_of(records), base_of(records)
    if best is None:
        raise none_complete(records)
    stopping = stopping_half(dataset)
    gain = losses.gain(stopping, first, best)
    better = gain is None or is_sure(gain, stopping)
    config = search.config_of(best) if better or take_best else base
    importances = search.importances()
    return TuneResult(config, better, best, first, gain, records, importances)


def _run(
    search: Search,
    losses: Losses,
    dataset: Dataset,
    trials: int,
    workers: int,
    timeout_seconds: float | None,
    watch: Callable[[State], None] | None,
) -> None:
    missing = trials - done(search.records())
    if missing <= 0:
        return
    until = time.monotonic() + (timeout_seconds or float("inf"))
    workers = min(workers, missing)
    pool = Pool(
        search,
        dataset.path,
        trials,
        workers,
        losses.path,
        lambda: losses.tidy(search.records()),
    )
    try:
        with pool:
            for epochs in pool.ticks():
                if time.monotonic() > until:
                    pool.begin_no_more()
                if watch:
                    with pool.lock:
                        records = search.records()
                    watch(State(records, trials, epochs))
    finally:
        search.take_up()


def counts_of(records: list[Record]) -> dict[str, int]:
    """How many trials there are of each state that occurs."""
    states = [record.state for record in records]
    return {state: states.count(state) for state in dict.fromkeys(states)}
