"""What became of each event that serving or the archive's view looked at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from zap.jobs.parity.archived import ArchivedSubject
from zap.jobs.parity.result import (
    CAUSES,
    CLOCK,
    DUPLICATE,
    LATE,
    LATE_OR_NOT,
    MISSING,
    NOT_IN_STORE,
    ORDER,
    USED,
    Marked,
)
from zap.serving.log import Logged

IN_FLIGHT_US = 1_000_000
"""What came in less than this before the answer may have been too late for it."""


@dataclass(frozen=True)
class Marks:
    """What became of each event that the archive's view or serving looked at.

    Attributes:
        view: the rows that the archive's view looks at. A clock that is wrong for
            events that are in both changes nothing.
        used: the rows of the events that serving used, in its order.
        missing: the hashes of those that the archive lacks.
        marks: by row, why it counts; ``used`` where all is well.
        disordered: whether serving had the used ones in another order.
    """

    view: list[int]
    used: list[int]
    missing: list[str]
    marks: dict[int, str]
    disordered: bool

    def counted(self) -> dict[str, int]:
        """How many events speak for each cause."""
        found = Counter(
            mark
            for row, mark in self.marks.items()
            if mark != USED and not (mark == CLOCK and row in self.view)
        )
        if self.missing:
            found[MISSING] = len(self.missing)
        if self.disordered:
            found[ORDER] = 1
        return {name: found[name] for name in CAUSES if found[name]}

    def events(self, subject: ArchivedSubject) -> tuple[Marked, ...]:
        """All of them, the archive's in total order."""
        told = [
            Marked(
                subject.ids[row] or None,
                subject.hashes[row],
                subject.times_us[row],
                subject.known_us[row],
                subject.kinds[row],
                self.marks[row],
            )
            for row in sorted(self.marks)
        ]
        gone = [Marked(None, each, None, None, None, MISSING) for each in self.missing]
        return (*told, *gone)


def marks_of(
    entry: Logged, subject: ArchivedSubject, view: list[int], has_receipts: bool
) -> Marks:
    logged = entry.event_hashes
    used = [subject.places[each] for each in logged if each in subject.places]
    missing = [each for each in logged if each not in subject.places]
    times = Counter(used)
    marks = {}
    for row in {*view, *used}:
        known = subject.known_us[row]
        if times[row] > 1:
            marks[row] = DUPLICATE
        elif times[row]:
            moment = entry.time if entry.instant is None else entry.instant
            ahead = known > entry.time or subject.times_us[row] > moment
            marks[row] = CLOCK if ahead else USED
        elif not has_receipts:
            marks[row] = LATE_OR_NOT
        else:
            marks[row] = LATE if known > entry.time - IN_FLIGHT_US else NOT_IN_STORE
    once = list(dict.fromkeys(used))
    return Marks(view, used, missing, marks, once != sorted(once))


def past_until(entry: Logged, subject: ArchivedSubject) -> int:
    """Up to when events are the past of a prediction."""
    if entry.instant is not None:
        return entry.instant
    if entry.source != "events":
        return entry.time
    rows = [subject.places[h] for h in entry.event_hashes if h in subject.places]
    return max((subject.times_us[row] for row in rows), default=entry.time)
