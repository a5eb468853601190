"""Predictions by subject and by events: the server without its HTTP.

A request takes one `Served` and is answered by it alone, whatever becomes live
meanwhile. Where an answer is given, its entry is in the prediction log already: what a
caller has seen can be held against what happened later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from zap.bundles.files import Where
from zap.errors import ServingError, ZapError
from zap.serving.answers import Answer
from zap.serving.asking import Asked, answer_of, entry_of, subject_of
from zap.serving.batched import score_many
from zap.serving.breaker import Store
from zap.serving.explain import reasons
from zap.serving.live_applications import LiveApplications
from zap.serving.log import PredictionLog
from zap.serving.log.entry import Logged, Source
from zap.serving.points import Marker, Points
from zap.serving.posted import parsed_events
from zap.serving.prediction_ids import prediction_id
from zap.serving.repeated import Repeated
from zap.serving.served import Served
from zap.serving.stores import Appended, Need, Past
from zap.serving.stores.live_needs import LiveNeeds

CHUNK = 256
SUBJECT: Final = "subject"
EVENTS: Final = "events"
BATCH: Final = "batch"
MadeOf = Callable[[Sequence[int]], list[tuple[Answer, Logged]]]


class UnknownApplicationError(ServingError):
    """No application of this name is served."""


def now_us() -> int:
    """The server's clock, in microseconds since 1970."""
    return time.time_ns() // 1000


class Service:
    """Answers for the live models of a registry. Threads may share it.

    Args:
        root: of the registry.
        store: holds recent events of subjects; None answers by events alone.
        log: where predictions are written; None writes none.
        applications: to serve; None is all of the registry, new ones too.
        points: where prediction points are written; None writes none.
        name: makes the name under which a subject stands in the log; None names none.
        clock: microseconds since 1970.
        failed: told the application whose live version could not be loaded.

    Attributes:
        swept: subjects that were removed from the store as too old.
    """

    def __init__(
        self,
        root: Where,
        store: Store | None = None,
        log: PredictionLog | None = None,
        *,
        applications: Sequence[str] | None = None,
        points: Points | None = None,
        name: Callable[[str], str] | None = None,
        clock: Callable[[], int] = now_us,
        failed: Callable[[str], None] = lambda application: None,
    ):
        self.store, self.log, self._points = store, log, points
        self._marker = None if points is None else Marker(points, store)
        self._name, self._clock = name, clock
        self._needs = LiveNeeds(root)
        self._kept: dict[str, Need] = {}  # what the store was told last
        self._live = LiveApplications(root, applications, self._keep, failed)
        self._threads: list[Repeated] = []
        self.swept = 0
        self.poll()

    @property
    def applications(self) -> Mapping[str, Served]:
        """What is served, by name; a snapshot."""
        return self._live.served

    @property
    def marks(self) -> bool:
        """Whether each prediction is an event, which others may look at."""
        return self._marker is not None

    @property
    def problems(self) -> Mapping[str, str]:
        """Why the live version of an application, by name, is not served."""
        return self._live.problems

    @property
    def failures(self) -> int:
        """How often a version could not be loaded."""
        return self._live.failures

    @property
    def unmarked(self) -> int:
        """Predictions of events that did not say whose they are: no point was made."""
        return self._marker.unnamed if self._marker else 0

    @property
    def swaps(self) -> int:
        """How often a version took over."""
        return self._live.swaps

    def poll(self) -> list[Served]:
        """Take over versions that have become live; those are returned."""
        fresh = self._live.poll()
        self._keep([*self._live.served.values()])
        return fresh

    def follow(self, poll_s: float = 1.0, sweep_s: float = 600.0) -> None:
        """Poll, and sweep the store, in threads from now on until ``close``.

        Args:
            poll_s: how often the registry is looked at.
            sweep_s: how often events that have become too old are removed.
        """
        if not self._threads:
            self._threads = [Repeated("poll", self.poll, poll_s)]
            if self.store is not None:
                self._threads.append(Repeated("sweep", self._sweep, sweep_s))

    def close(self) -> None:
        """Stop polling; close the log, the points and the store."""
        for thread in self._threads:
            thread.stop()
        for part in (self.log, self._points, self.store):
            if part is not None:
                part.close()

    def served(self, application: str) -> Served:
        """What answers for an application now.

        Raises:
            UnknownApplicationError: nothing does.
        """
        found = self._live.served.get(application)
        if found is None:
            raise UnknownApplicationError(
                "Expected an application with a live version: "
                f"{', '.join(sorted(self._live.served)) or 'there is none'}. Received: "
                f"application={application[:100]!r}. Deploy one with zap models deploy."
            )
        return found

    def predict_subject(
        self,
        application: str,
        subject: str,
        *,
        now_us: int | None = None,
        explain: int = 0,
    ) -> Answer:
        """The prediction for a subject whose events the store holds.

        Args:
            application: which question.
            subject: whose.
            now_us: what the clock is to say; None is what it says. Later events are
                not looked at. Of another time no prediction point is made.
            explain: how many of the last events are left out in turn.

        Raises:
            UnknownApplicationError: nothing answers.
            StoreError: the store can't be reached.
            LogError: the prediction can't be written down.
        """
        served = self.served(application)
        store = self._stored()
        now = self._clock() if now_us is None else now_us
        name = prediction_id(self._clock())
        if self._marker is not None and now_us is None:
            self._marker.of_subject(served, subject, name, now)
        past = store.past(subject, served.need, now)
        at = now if self._at_clock(served, now_us) else past.instant_us
        asked = Asked(past.events, past.ids, at, now, self._named(subject), name)
        return self._answer(served, asked, SUBJECT, explain)

    def predict_events(
        self,
        application: str,
        events: Sequence[Mapping[str, Any]],
        *,
        instant_us: int | None = None,
        explain: int = 0,
    ) -> Answer:
        """The prediction for a past that the caller knows.

        Args:
            application: which question.
            events: the past, as posted events.
            instant_us: when it is made; None is as for a subject.
            explain: how many of the last events are left out in turn.

        Raises:
            UnknownApplicationError: nothing answers.
            ServingError: an event is wrong, or they are of several subjects.
            EncodingError: a value can't be encoded.
            LogError: the prediction can't be written down.
        """
        served = self.served(application)
        past = sorted(parsed_events(events), key=lambda event: event["timestamp"])
        now = self._clock()
        name = prediction_id(now)
        if instant_us is None and self._at_clock(served, None):
            instant_us = now
        subject = subject_of(served, past)
        if self._marker is not None:
            at_us = now if instant_us is None else instant_us
            past = self._marker.of_events(served, past, subject, name, at_us)
        served.deriving.add(past)
        if instant_us is None:
            instant_us = served.need.last_known_us(past)
        ids = [str(event.get("event_id", "")) for event in past]
        asked = Asked(past, ids, instant_us, now, self._named(subject), name)
        return self._answer(served, asked, EVENTS, explain)

    def predict_subjects(
        self, application: str, subjects: Sequence[str], *, now_us: int | None = None
    ) -> list[Answer]:
        """The predictions for many subjects, in their order, equal to single ones.

        Args:
            application: which question.
            subjects: whose.
            now_us: as for a subject.

        Raises:
            UnknownApplicationError: nothing answers.
            StoreError: the store can't be reached.
            LogError: a prediction can't be written down.
        """
        served = self.served(application)
        now = self._clock() if now_us is None else now_us
        at_clock = self._at_clock(served, now_us)
        marked = self._marker is not None and now_us is None
        size = CHUNK
        if marked and len({*subjects}) < len(subjects):
            size = 1  # a subject's second prediction comes after its first one's point
        found: list[Answer] = []
        for begin in range(0, len(subjects), size):
            chunk = subjects[begin : begin + size]
            made = self._of_subjects(served, chunk, now, at_clock, BATCH, marked)
            if self.log is not None:
                self.log.append_all([entry for _, entry in made])
            found += [answer for answer, _ in made]
        return found

    def made_for(
        self, application: str, subjects: Sequence[str]
    ) -> list[tuple[Answer, Logged]]:
        """What ``predict_subject`` answers to each of some requests, all at once.

        Nothing is written down yet: each answer comes with its entry, and is to be
        given once the log has that.

        Raises:
            UnknownApplicationError: nothing answers.
            StoreError: the store can't be reached.
        """
        served, now = self.served(application), self._clock()
        assert self._marker is None, "each is asked after the point of the one before"
        pasts = self._stored().pasts(subjects, served.need, now)
        return self._made(served, subjects, pasts, now)

    def ask_for(
        self,
        application: str,
        subjects: Sequence[str],
        then: Callable[[MadeOf | Exception], None],
    ) -> None:
        """The same, where the store can be asked in an event loop.

        Args:
            application: which question.
            subjects: of some requests.
            then: called once the store has answered, with what makes the answers of
                those at some places, or with the error of reading.

        Raises:
            UnknownApplicationError: nothing answers.
        """
        served, now = self.served(application), self._clock()
        assert self._marker is None, "each is asked after the point of the one before"

        def told(pasts: list[Past] | Exception) -> None:
            if isinstance(pasts, Exception):
                then(pasts)
                return

            def made(places: Sequence[int]) -> list[tuple[Answer, Logged]]:
                some = [subjects[at] for at in places], [pasts[at] for at in places]
                return self._made(served, *some, now)

            then(made)

        self._stored().ask_pasts(subjects, served.need, now, told)

    def _made(
        self, served: Served, subjects: Sequence[str], pasts: list[Past], now: int
    ) -> list[tuple[Answer, Logged]]:
        clock = self._clock()
        names = [prediction_id(clock) for _ in subjects]
        at_clock = self._at_clock(served, None)
        return self._of_pasts(served, subjects, names, pasts, now, at_clock, SUBJECT)

    def append(self, events: Sequence[Mapping[str, Any]]) -> Appended:
        """Keep posted events of subjects.

        Raises:
            ServingError: an event is wrong; none is kept.
            StoreError: the store can't be reached.
        """
        return self._stored().append(parsed_events(events))

    def forget(self, subject_field: str, subject: str) -> int:
        """Remove a subject from the store; how many events went.

        Raises:
            StoreError: the store can't be reached.
        """
        return self._stored().forget(subject_field, subject)

    def _answer(
        self, served: Served, asked: Asked, source: Source, explain: int = 0
    ) -> Answer:
        encoded = served.encode(asked.events, asked.moment_us)
        prediction = served.predictor.score(encoded)
        why = None
        if explain:
            past = list(asked.events)
            why = reasons(served, past, asked.moment_us, prediction, explain)
        answer = answer_of(served, asked, prediction, why)
        if self.log is not None:
            self.log.append(
                entry_of(served, asked, encoded, answer, source, self._clock())
            )
        return answer

    def _of_subjects(
        self,
        served: Served,
        subjects: Sequence[str],
        now: int,
        at_clock: bool,
        source: Source,
        marked: bool,
    ) -> list[tuple[Answer, Logged]]:
        """Predictions for some subjects and their entries; one look into the store."""
        clock = self._clock()
        names = [prediction_id(clock) for _ in subjects]
        if self._marker is not None and marked:
            for subject, name in zip(subjects, names, strict=True):
                self._marker.of_subject(served, subject, name, now)
        pasts = self._stored().pasts(subjects, served.need, now)
        return self._of_pasts(served, subjects, names, pasts, now, at_clock, source)

    def _of_pasts(
        self,
        served: Served,
        subjects: Sequence[str],
        names: Sequence[str],
        pasts: Sequence[Past],
        now: int,
        at_clock: bool,
        source: Source,
    ) -> list[tuple[Answer, Logged]]:
        asked = [
            Asked(
                past.events,
                past.ids,
                now if at_clock else past.instant_us,
                now,
                self._named(subject),
                name,
            )
            for past, subject, name in zip(pasts, subjects, names, strict=True)
        ]
        encoded = [served.encode(each.events, each.moment_us) for each in asked]
        scored = score_many(served.predictor, encoded)
        moment = self._clock()
        made = []
        for one, instance, prediction in zip(asked, encoded, scored, strict=True):
            answer = answer_of(served, one, prediction, None)
            made.append(
                (answer, entry_of(served, one, instance, answer, source, moment))
            )
        return made

    def _at_clock(self, served: Served, now_us: int | None) -> bool:
        """Whether a prediction is made now, and not at the last event."""
        return served.waits or self._marker is not None or now_us is not None

    def _named(self, subject: str | None) -> str | None:
        return self._name(subject) if self._name and subject is not None else None

    def _stored(self) -> Store:
        if self.store is None:
            raise ServingError(
                "Expected a server with a store of events. Received: store=None. Start "
                "it with --store, or send the events with the request."
            )
        return self.store

    def _sweep(self) -> None:
        if self.store is not None:
            self.swept += self.store.sweep(self._clock())

    def _keep(self, served: Sequence[Served]) -> None:
        """Tell the store what it is to keep, if that is not what it was told last.

        What other applications of the registry need is kept too, those that others
        serve from this store, and those whose version can't be loaded here: what an
        append takes from a document is gone for them.
        """
        if self.store is None:
            return
        try:
            needs = dict(self._needs.current())
        except (ZapError, OSError):  # as long as the registry was never read
            needs = {}
        needs |= {each.application: each.need for each in served}
        if needs != self._kept:
            self.store.keep([*needs.values()])
            self._kept = needs
