"""The subjects of one shard: events come in, time goes on, scores come out.

Pure: no clock, no files, no Beam. The same calls in the same order give the same rows,
so a worker that has lost its memory makes a shard again from what was noted of it.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from zap.errors import InputError
from zap.scoring.following.options import NEVER, Following
from zap.scoring.following.subject import Given, Subject, digest_of
from zap.serving.predictor import Prediction
from zap.serving.stores.look import Event, known_us
from zap.serving.stores.need import PERSON, Need
from zap.serving.stores.posted import Unfit, checked, event_id, stored, subject_text
from zap.serving.stores.pruning import Limits

MOST_EVENTS = 100_000
"""Events that are kept of a subject at most."""

Asked: TypeAlias = tuple[Sequence[Event], int]
Score: TypeAlias = Callable[[Sequence[Asked]], Sequence[Prediction]]
"""Of pasts, each with its instant, makes predictions."""


@dataclass(frozen=True, slots=True)
class Row:
    """A score that is given.

    Attributes:
        at_us: the instant.
        subject: whose it is.
        prediction: what the model says.
        pane: 0 for the first score of the instant, 1 for its first correction.
        late: whether it comes after the watermark had passed the instant.
    """

    at_us: int
    subject: str
    prediction: Prediction
    pane: int
    late: bool


class Shard:
    """The subjects of a shard.

    Args:
        need: what the model looks at, and the field of its subjects.
        following: when they are scored.
        score: the model.

    Attributes:
        fired_us: instants up to that one were scored.
        counts: what became of events and scores since the beginning.
        subjects: by name.

    Raises:
        InputError: the subjects are persons, whose events lie in several shards.
    """

    def __init__(self, need: Need, following: Following, score: Score):
        if need.subject == PERSON:
            raise InputError(
                "Expected an application of subjects that are named by their events. "
                "Received: subject='person', whose devices are known by links that "
                "may come later. Score persons in batches, with zap score."
            )
        self.need, self.following = need, following
        self.fired_us = -NEVER
        self.counts: Counter[str] = Counter()
        self.subjects: dict[str, Subject] = {}
        self._score = score
        self._ends: list[tuple[int, str]] = []
        self._given: list[tuple[int, str]] = []

    def add(self, events: Iterable[Mapping[str, Any]]) -> list[Row]:
        """Take events, in any order; the scores that they correct.

        Args:
            events: flat, as ``zap.events.listed`` gives them.
        """
        late: set[tuple[int, str]] = set()
        grown: dict[str, None] = {}
        for name, ours in self._by_subject(events).items():
            subject = self.subjects.setdefault(name, Subject())
            new = subject.take(ours)
            self.counts["events.new"] += len(new)
            self.counts["events.repeated"] += len(ours) - len(new)
            for event in new:
                late.update((at, name) for at in self._asks(name, subject, event))
            if subject.grown:
                grown[name] = None
        rows = self._rows(sorted(late), late=True)
        self._prune(grown)
        return rows

    def fire(self, until_us: int) -> list[Row]:
        """Let time go on; the scores of all instants up to that one.

        Args:
            until_us: all that was known by then has come, but for what is late.
        """
        due: list[tuple[int, str]] = []
        while self._ends and self._ends[0][0] <= until_us:
            due.append(heapq.heappop(self._ends))
        self.fired_us = max(self.fired_us, until_us)
        rows = self._rows(due, late=False)
        for at, name in due:
            self.subjects[name].waiting.discard(at)
        self._forget()
        self._prune(dict.fromkeys(name for _, name in due))
        return rows

    def drop_silent(self) -> None:
        """Forget subjects of whom nothing came for long; see ``Limits.keep_us``."""
        silent_us = max(Limits().keep_us, self.need.reach_us)
        oldest = self.following.floor_us(self.fired_us) - silent_us
        for name, subject in [*self.subjects.items()]:
            newest = max(map(known_us, subject.events), default=oldest - 1)
            if newest < oldest and not subject.waiting:
                del self.subjects[name]
                self.counts["subjects.silent"] += 1

    @property
    def next_us(self) -> int | None:
        """The next instant at which somebody is scored."""
        return self._ends[0][0] if self._ends else None

    def restore(self, name: str, subject: Subject) -> None:
        """Put back a subject as it was."""
        self.subjects[name] = subject
        for at in subject.waiting:
            heapq.heappush(self._ends, (at, name))
        for at in subject.given:
            heapq.heappush(self._given, (at, name))

    def _by_subject(
        self, events: Iterable[Mapping[str, Any]]
    ) -> dict[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in events:
            checked(event)
            try:
                name = subject_text(event, self.need.subject)
                if name is None or not self.need.reads(event["type"]):
                    why = "no_subject" if name is None else "not_read"
                    self.counts[f"events.{why}"] += 1
                    continue
                known = self.following.known(dict(event))
                row = stored(known, self.need.fields, event_id(event), 0)
            except Unfit:
                self.counts["events.unfit_value"] += 1
                continue
            found.setdefault(name, []).append(row)
        return found

    def _asks(self, name: str, subject: Subject, event: Event) -> list[int]:
        """The instants that an event makes score at once; others wait."""
        end = self.following.end_of(event)
        if end > self.fired_us:
            if end not in subject.waiting and self.following.wanted(end):
                subject.waiting.add(end)
                heapq.heappush(self._ends, (end, name))
            return []
        self.counts["events.late"] += 1
        floor = self.following.floor_us(self.fired_us)
        if end <= floor:
            self.counts["events.too_late"] += 1
        found = [at for at in subject.given if at >= end]
        if floor < end and self.following.wanted(end) and end not in found:
            found.append(end)
        return found

    def _rows(self, asked: Sequence[tuple[int, str]], late: bool) -> list[Row]:
        """The scores of subjects at instants, but for those that were given so."""
        pasts = [(self.subjects[name].past(self.need, at), at) for at, name in asked]
        rows: list[Row] = []
        predictions = self._score(pasts) if pasts else ()
        for (at, name), prediction in zip(asked, predictions, strict=True):
            subject, digest = self.subjects[name], digest_of(prediction)
            before = subject.given.get(at)
            if before is not None and before.digest == digest:
                self.counts["scores.confirmed"] += 1
                continue
            panes = 0 if before is None else before.panes
            if before is None:
                heapq.heappush(self._given, (at, name))
            subject.given[at] = Given(panes + 1, digest)
            self.counts["scores.corrected" if panes else "scores.first"] += 1
            rows.append(Row(at, name, prediction, panes, late))
        return rows

    def _forget(self) -> None:
        """Forget what was given at instants that can't be corrected any more."""
        floor = self.following.floor_us(self.fired_us)
        while self._given and self._given[0][0] <= floor:
            at, name = heapq.heappop(self._given)
            if name in self.subjects:
                self.subjects[name].given.pop(at, None)

    def _prune(self, names: Iterable[str]) -> None:
        floor = self.following.floor_us(self.fired_us)
        for name in names:
            cut = self.subjects[name].prune(self.need, floor, MOST_EVENTS)
            self.counts["events.cut"] += cut
