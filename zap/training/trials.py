"""Trials of a search: what is to be tried, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zap.training.config import ModelConfig

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

COMPLETE, PRUNED, FAILED = "complete", "pruned", "failed"
RUNNING, INTERRUPTED, WAITING = "running", "interrupted", "waiting"
DONE = (COMPLETE, PRUNED, FAILED)
BASE, REASON = "base", "reason"
_STATES = {"COMPLETE": COMPLETE, "PRUNED": PRUNED, "RUNNING": RUNNING}


@dataclass(frozen=True)
class Trial:
    """Settings that are to be tried.

    Attributes:
        number: of the trial, from 0.
        config: the settings.
        base: whether they are those that the search started from.
    """

    number: int
    config: ModelConfig
    base: bool


@dataclass(frozen=True)
class Record:
    """What became of a trial.

    Attributes:
        number: of the trial, from 0.
        state: complete, pruned, failed, interrupted, running or waiting.
        value: the loss of a complete trial, else None.
        settings: what was searched; empty while it waits.
        base: whether these are the settings that the search started from.
        reason: why it failed, or nothing.
        epochs: how many it was trained for, as far as they were reported.
    """

    number: int
    state: str
    value: float | None
    settings: Mapping[str, Any]
    base: bool
    reason: str
    epochs: int


def done(records: Sequence[Record]) -> int:
    """How many trials are done: complete, pruned or failed, but not interrupted."""
    return sum(record.state in DONE for record in records)


def best_of(records: Sequence[Record]) -> Record | None:
    """The complete trial with the lowest loss; the earliest of equals."""
    complete = [r for r in records if r.value is not None]
    return min(complete, key=lambda r: (r.value, r.number), default=None)


def base_of(records: Sequence[Record]) -> Record | None:
    """The complete trial of the settings that the search started from."""
    return next((r for r in records if r.base and r.value is not None), None)


def record_of(trial: FrozenTrial) -> Record:
    """What Optuna knows of a trial."""
    state = _state(trial)
    return Record(
        number=trial.number,
        state=state,
        value=trial.value if state == COMPLETE else None,
        settings=dict(trial.params),
        base=bool(trial.user_attrs.get(BASE)),
        reason=str(trial.user_attrs.get(REASON, "")),
        epochs=max(trial.intermediate_values, default=0),
    )


def _state(trial: FrozenTrial) -> str:
    """A failure without a reason is that of a search that ended, not of the trial."""
    if trial.state.name == "FAIL":
        return FAILED if REASON in trial.user_attrs else INTERRUPTED
    return _STATES.get(trial.state.name, WAITING)
