"""Predictions by subject and by events: the server without its HTTP.

A request takes one `Served` and is answered by it alone, whatever becomes live
meanwhile. Where an answer is given, its entry is in the prediction log already: what a
caller has seen can be held against what happened later.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zap.bundles.files import Where
from zap.bundles.target import AMOUNT
from zap.encoding.encoder import EncodedInstance
from zap.errors import ServingError, ZapError
from zap.serving.answers import Answer, Reason
from zap.serving.batched import score_many
from zap.serving.breaker import Store
from zap.serving.explain import reasons
from zap.serving.live_applications import LiveApplications, Served
from zap.serving.log import Logged, PredictionLog, event_hashes
from zap.serving.log.entry import Source
from zap.serving.points import PREDICTION_POINT, Points, point_event
from zap.serving.posted import parsed_events
from zap.serving.prediction_ids import prediction_id
from zap.serving.predictor import Prediction
from zap.serving.stores import Appended
from zap.serving.stores.need import moment_of

Event = dict[str, Any]

CHUNK = 256
SUBJECT: Final = "subject"
EVENTS: Final = "events"
BATCH: Final = "batch"


class UnknownApplicationError(ServingError):
    """No application of this name is served."""


def now_us() -> int:
    """The server's clock, in microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class _Asked:
    """One prediction to be made.

    Attributes:
        events: the past in total order.
        ids: their event ids.
        instant_us: when it is made; None where there is no event of the sequence.
        now_us: the clock, which counts where there is no event.
        subject: whose it is; None where nobody said.
        prediction: its id.
    """

    events: Sequence[Event]
    ids: Sequence[str]
    instant_us: int | None
    now_us: int
    subject: str | None
    prediction: str

    @property
    def moment_us(self) -> int:
        """When it is made, by the clock where nothing else says so."""
        return self.now_us if self.instant_us is None else self.instant_us


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
        counts: of what was left out, by reason.
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
        self.store, self.log, self.points = store, log, points
        self._name, self._clock = name, clock
        self._live = LiveApplications(root, applications, self._keep, failed)
        self._threads: list[_Repeated] = []
        self.counts: Counter[str] = Counter()
        self.poll()

    @property
    def applications(self) -> Mapping[str, Served]:
        """What is served, by name; a snapshot."""
        return self._live.served

    @property
    def problems(self) -> Mapping[str, str]:
        """Why the live version of an application, by name, is not served."""
        return self._live.problems

    @property
    def failures(self) -> int:
        """How often a version could not be loaded."""
        return self._live.failures

    @property
    def swaps(self) -> int:
        """How often a version took over."""
        return self._live.swaps

    def poll(self) -> list[Served]:
        """Take over versions that have become live; those are returned."""
        return self._live.poll()

    def follow(self, poll_s: float = 1.0, sweep_s: float = 600.0) -> None:
        """Poll, and sweep the store, in threads from now on until ``close``.

        Args:
            poll_s: how often the registry is looked at.
            sweep_s: how often events that have become too old are removed.
        """
        if not self._threads:
            self._threads = [_Repeated("poll", self.poll, poll_s)]
            if self.store is not None:
                self._threads.append(_Repeated("sweep", self._sweep, sweep_s))

    def close(self) -> None:
        """Stop polling; close the log, the points and the store."""
        for thread in self._threads:
            thread.stop()
        for part in (self.log, self.points, self.store):
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
            now_us: what the clock says; None is the server's. Later events are not
                looked at.
            explain: how many of the last events are left out in turn.

        Raises:
            UnknownApplicationError: nothing answers.
            StoreError: the store can't be reached.
            LogError: the prediction can't be written down.
        """
        served = self.served(application)
        store = self._stored()
        now = self._clock() if now_us is None else now_us
        name = prediction_id(now)
        self._add_point(served, subject, name, now)
        past = store.past(subject, served.need, now)
        at = now if self._at_clock(served, now_us) else past.instant_us
        asked = _Asked(past.events, past.ids, at, now, subject, name)
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
            ServingError: an event is wrong.
            EncodingError: a value can't be encoded.
            LogError: the prediction can't be written down.
        """
        served = self.served(application)
        past = sorted(parsed_events(events), key=lambda event: event["timestamp"])
        now = self._clock()
        name = prediction_id(now)
        if instant_us is None and self._at_clock(served, None):
            instant_us = now
        subject = _subject_of(served, past)
        if self.points is not None:
            past = self._with_point(served, past, subject, name, instant_us or now)
        served.deriving.add(past)
        if instant_us is None:
            last = served.need.last_kept(past)
            instant_us = None if last is None else moment_of(last)
        ids = [str(event.get("event_id", "")) for event in past]
        asked = _Asked(past, ids, instant_us, now, subject, name)
        return self._answer(served, asked, EVENTS, explain)

    def predict_subjects(
        self, application: str, subjects: Sequence[str], *, now_us: int | None = None
    ) -> list[Answer]:
        """The predictions for many subjects, in their order, equal to single ones.

        Args:
            application: which question.
            subjects: whose.
            now_us: what the clock says; None is the server's.

        Raises:
            UnknownApplicationError: nothing answers.
            StoreError: the store can't be reached.
            LogError: a prediction can't be written down.
        """
        served = self.served(application)
        now = self._clock() if now_us is None else now_us
        at_clock = self._at_clock(served, now_us)
        found: list[Answer] = []
        for begin in range(0, len(subjects), CHUNK):
            chunk = subjects[begin : begin + CHUNK]
            found += self._of_subjects(served, chunk, now, at_clock, BATCH)
        return found

    def predict_each(self, application: str, subjects: Sequence[str]) -> list[Answer]:
        """What ``predict_subject`` answers to each of some requests, all at once.

        Raises:
            UnknownApplicationError: nothing answers.
            StoreError: the store can't be reached.
            LogError: a prediction can't be written down.
        """
        served, now = self.served(application), self._clock()
        at_clock = self._at_clock(served, None)
        return self._of_subjects(served, subjects, now, at_clock, SUBJECT)

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
        self, served: Served, asked: _Asked, source: Source, explain: int = 0
    ) -> Answer:
        encoded = served.encode(asked.events, asked.moment_us)
        prediction = served.predictor.score(encoded)
        why = None
        if explain:
            past = list(asked.events)
            why = reasons(served, past, asked.moment_us, prediction, explain)
        answer = _said(served, asked, prediction, why)
        if self.log is not None:
            self.log.append(self._entry(served, asked, encoded, answer, source))
        return answer

    def _of_subjects(
        self,
        served: Served,
        subjects: Sequence[str],
        now: int,
        at_clock: bool,
        source: Source,
    ) -> list[Answer]:
        """The predictions for some subjects, with one look into the store."""
        names = [prediction_id(now) for _ in subjects]
        for subject, name in zip(subjects, names, strict=True):
            self._add_point(served, subject, name, now)
        pasts = self._stored().pasts(subjects, served.need, now)
        asked = [
            _Asked(
                past.events,
                past.ids,
                now if at_clock else past.instant_us,
                now,
                subject,
                name,
            )
            for past, subject, name in zip(pasts, subjects, names, strict=True)
        ]
        return self._answers(served, asked, source)

    def _answers(
        self, served: Served, asked: Sequence[_Asked], source: Source
    ) -> list[Answer]:
        encoded = [served.encode(each.events, each.moment_us) for each in asked]
        scored = score_many(served.predictor, encoded)
        pairs = zip(asked, scored, strict=True)
        found = [_said(served, one, prediction, None) for one, prediction in pairs]
        if self.log is not None:
            told = zip(asked, encoded, found, strict=True)
            self.log.append_all([self._entry(served, *each, source) for each in told])
        return found

    def _entry(
        self,
        served: Served,
        asked: _Asked,
        encoded: EncodedInstance,
        answer: Answer,
        source: Source,
    ) -> Logged:
        score = answer.score
        return Logged(
            id=answer.prediction_id,
            time=self._clock(),
            instant=asked.instant_us,
            application=served.application,
            version=served.version,
            fingerprint=served.predictor.encoder.fingerprint,
            subject=self._named(asked.subject),
            events=answer.events,
            ids=event_hashes(asked.ids),
            encoded=encoded.digest,
            score=tuple(score) if isinstance(score, list) else score,
            source=source,
        )

    def _at_clock(self, served: Served, now_us: int | None) -> bool:
        """Whether a prediction is made now, and not at the last event."""
        return served.waits or self.points is not None or now_us is not None

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
            self.counts["swept"] += self.store.sweep(self._clock())

    def _keep(self, served: Sequence[Served]) -> None:
        if self.store is not None:
            self.store.keep([each.need for each in served])

    def _add_point(self, served: Served, subject: str, name: str, now: int) -> None:
        """Say to the archive that a prediction is made, and to the store if seen."""
        if self.points is None:
            return
        event = point_event(name, served.subject, subject, now, served.application)
        self.points.append(event)
        if served.sees(PREDICTION_POINT):
            self._stored().append([event])

    def _with_point(
        self,
        served: Served,
        past: list[Event],
        subject: str | None,
        name: str,
        instant_us: int,
    ) -> list[Event]:
        if subject is None or self.points is None:
            self.counts["point without a subject"] += 1
            return past
        event = point_event(
            name, served.subject, subject, instant_us, served.application
        )
        self.points.append(event)
        return [*past, event] if served.sees(PREDICTION_POINT) else past


def _said(
    served: Served, asked: _Asked, prediction: Prediction, why: list[Reason] | None
) -> Answer:
    value = prediction.value
    probability = amount = probabilities = segment = None
    if isinstance(value, tuple):
        probabilities = dict(zip(served.classes, value, strict=True))
    else:
        segment = served.segments.of(value) if served.segments else None
        if served.kind == AMOUNT:
            amount = value
        else:
            probability = value
    return Answer(
        prediction_id=asked.prediction,
        application=served.application,
        version=served.version,
        probability=probability,
        probabilities=probabilities,
        amount=amount,
        segment=segment,
        events=prediction.events,
        instant_us=asked.moment_us,
        reasons=why,
    )


def _subject_of(served: Served, past: Sequence[Event]) -> str | None:
    """Whose events these are, if all of them say so and agree."""
    named = {event.get(served.subject) for event in past}
    subject = named.pop() if len(named) == 1 else None
    return None if subject is None else str(subject)


class _Repeated:
    """Calls something again and again in a thread of its own."""

    def __init__(self, name: str, call: Callable[[], object], every_s: float):
        self._call, self._every_s = call, every_s
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(5)

    def _run(self) -> None:
        while not self._end.wait(self._every_s):
            try:
                self._call()
            except ZapError:
                continue  # the store does not answer; the next call does it
