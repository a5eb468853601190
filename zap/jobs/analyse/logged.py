"""The predictions of a log as columns, small enough for millions of them.

A prediction that says again what the one before said (the same subject, instant,
version and inputs: a page that was loaded twice) is one prediction; its repeats are
counted and left out, or whoever reloads most would weigh most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.errors import InputError

NO_SUBJECT = -1
_HASH_DIGITS = 16


class Entry(Protocol):
    """What is read of a line of the log; see ``zap.serving.log.Logged``."""

    @property
    def time(self) -> int: ...
    @property
    def instant(self) -> int | None: ...
    @property
    def version(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def events(self) -> int: ...
    @property
    def ids(self) -> str: ...
    @property
    def encoded(self) -> str: ...
    @property
    def score(self) -> float | tuple[float, ...]: ...


@dataclass(frozen=True)
class Predictions:
    """Predictions, in the order of their instants.

    Attributes:
        time_us: int64, shape (rows,): when each was answered.
        instant_us: int64, shape (rows,): the moment that it was made for.
        version: int64, shape (rows,): places in ``versions``.
        versions: the versions that answered, in the order in which they were met.
        subject: int64, shape (rows,): places in ``subjects``, ``NO_SUBJECT`` for none.
        subjects: the subjects' keyed hashes.
        last_event: the hash of the id of the last event used, as 16 digits; empty where
            there is none; shape (rows,).
        empty: bool, shape (rows,): made of no event at all.
        score: float64, shape (rows,), or (rows, classes).
        counts: predictions that were left out, by reason.
    """

    time_us: IntArray
    instant_us: IntArray
    version: IntArray
    versions: Sequence[str]
    subject: IntArray
    subjects: Sequence[str]
    last_event: NDArray[np.str_]
    empty: BoolArray
    score: FloatArray
    counts: Counter[str]

    def __len__(self) -> int:
        return len(self.time_us)

    def take(self, rows: IntArray | BoolArray) -> Predictions:
        """The predictions at ``rows``, in that order."""
        return replace(
            self,
            time_us=self.time_us[rows],
            instant_us=self.instant_us[rows],
            version=self.version[rows],
            subject=self.subject[rows],
            last_event=self.last_event[rows],
            empty=self.empty[rows],
            score=self.score[rows],
        )


def predictions_of(entries: Iterable[Entry], outputs: int = 1) -> Predictions:
    """The columns of a log's entries.

    Args:
        entries: in any order.
        outputs: how many numbers a score has.

    Raises:
        InputError: a score has another number of numbers, or there is no prediction.
    """
    subjects: dict[str, int] = {}
    versions: dict[str, int] = {}
    counts: Counter[str] = Counter()
    rows: list[tuple[int, int, int, int, int]] = []
    last: list[str] = []
    empty: list[bool] = []
    scores: list[float | tuple[float, ...]] = []
    for entry in entries:
        counts["predictions.read"] += 1
        numbers = entry.score if isinstance(entry.score, tuple) else (entry.score,)
        if len(numbers) != outputs:
            raise _other_score(len(numbers), outputs, entry.version)
        if entry.instant is None:
            counts["predictions.dropped.no_events"] += 1
            continue
        subject = NO_SUBJECT
        if entry.subject is not None:
            subject = subjects.setdefault(entry.subject, len(subjects))
        version = versions.setdefault(entry.version, len(versions))
        rows.append((entry.time, entry.instant, version, subject, _mark(entry.encoded)))
        last.append(entry.ids[-_HASH_DIGITS:])
        empty.append(not entry.events)
        scores.append(entry.score)
    if not rows:
        raise InputError(
            "Expected predictions in the log. Received: "
            f"read={counts['predictions.read']:,}, of which none was of a subject with "
            "events. Choose other times with --since and --until, or wait until there "
            "are some."
        )
    numbered = np.array(rows, np.int64)
    repeated = _repeats(numbered)
    counts["predictions.dropped.repeated"] += int(repeated.sum())
    found = Predictions(
        time_us=numbered[:, 0],
        instant_us=numbered[:, 1],
        version=numbered[:, 2],
        versions=list(versions),
        subject=numbered[:, 3],
        subjects=list(subjects),
        last_event=np.array(last, f"U{_HASH_DIGITS}"),
        empty=np.array(empty, bool),
        score=np.array(scores, np.float64),
        counts=counts,
    )
    kept = np.flatnonzero(~repeated)
    order = np.lexsort((found.time_us[kept], found.instant_us[kept]))
    return found.take(kept[order])


def _mark(digest: str) -> int:
    """A number for a digest."""
    hashed = blake2b(digest.encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "little", signed=True)


def _repeats(rows: IntArray) -> BoolArray:
    """Predictions of a known subject that an earlier one said already; bool (rows,)."""
    order = np.lexsort((rows[:, 0], *rows[:, 1:].T))
    same = (rows[order][1:, 1:] == rows[order][:-1, 1:]).all(axis=1)
    repeated = np.zeros(len(rows), bool)
    repeated[order[1:]] = same & (rows[order][1:, 3] != NO_SUBJECT)
    return repeated


def _other_score(found: int, outputs: int, version: str) -> InputError:
    return InputError(
        f"Expected scores of {outputs} number(s), as the application's live version "
        f"gives them. Received: {found} number(s), version={version}. Analyse the "
        "times apart, with --since and --until: the question was another then."
    )
