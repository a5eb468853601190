"""EventStore: the recent events of subjects, whatever database keeps them.

A change is read, made and swapped, so that two servers that append to one subject at
once lose nothing: the one that comes second does its change again. Within a process
locks keep threads from having to.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from zap.errors import InputError, StoreError
from zap.serving.stores.arriving import Added, Arriving, Plan, added
from zap.serving.stores.backend import ABSENT, Backend, Change, Held
from zap.serving.stores.document import (
    MAX_DOCUMENT_BYTES,
    NOTHING,
    Document,
    decode,
    encode,
    known_at,
    sized,
)
from zap.serving.stores.forgetting import Forgetting
from zap.serving.stores.keys import key_of
from zap.serving.stores.need import PERSON, Event, Need, moment_of, union
from zap.serving.stores.people import (
    DEVICE,
    USER,
    check_person,
    events_of,
    person_now,
)
from zap.serving.stores.pruning import Limits

Edit: TypeAlias = Callable[[Document], Document | None]

_STRIPES = 64
_ATTEMPTS = 40
_VERSIONS = 2**63 - 1
_LEAST_TTL_US = 1_000_000


def wall_clock_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass(frozen=True)
class Appended:
    """What came of some posted events.

    Attributes:
        new: events that were not there.
        repeated: events that were, by their ids.
        by_reason: what was not kept. Events: ``no_subject``, ``not_read`` (no instance
            looks at their type), ``past_reach`` (older than anything looks),
            ``unfit_value``. Cut by limits: ``events_cut``, ``devices_cut``,
            ``links_cut``.
    """

    new: int
    repeated: int
    by_reason: Mapping[str, int]


@dataclass(frozen=True)
class Past:
    """What an instance sees of a subject.

    Attributes:
        events: as ``Encoder.encode_instance`` takes them, in total order.
        need: who looks.
    """

    events: list[Event]
    need: Need

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the events."""
        return [event["event_id"] for event in self.events]

    @cached_property
    def instant_us(self) -> int | None:
        """The instant of a prediction after the last event of the sequence."""
        last = self.need.last_kept(self.events)
        return None if last is None else moment_of(last)


class EventStore:
    """The recent events of subjects. May be used from several threads.

    Args:
        backend: where documents are kept.
        limits: how much.
        clock_us: the time, for receipts and for what is old.

    Example:
        With a fitted ``instance`` and posted ``events``::

            store = open_store("sqlite:events.db")
            need = Need.of(instance, "anonymous_id")
            store.keep([need])
            store.append(events)
            past = store.past("visitor-17", need, now_us)
            predictor.predict(past.events, past.instant_us)
    """

    def __init__(
        self,
        backend: Backend,
        limits: Limits | None = None,
        clock_us: Callable[[], int] = wall_clock_us,
    ):
        self._backend = backend
        self._limits = limits or Limits()
        self._clock_us = clock_us
        self._needs: dict[str, Need] = {}
        self._locks = [threading.Lock() for _ in range(_STRIPES)]

    @property
    def name(self) -> str:
        """Where it is, without secrets."""
        return self._backend.name

    def keep(self, needs: Sequence[Need]) -> None:
        """Say what is needed from now on, instead of what was said before.

        What was not needed so far is not there: a store is rebuilt from the archive.
        """
        self._needs = union(needs)

    def append(
        self, events: Sequence[Mapping[str, Any]], received_us: int | None = None
    ) -> Appended:
        """Add events, in any order; those that are there already change nothing.

        Args:
            events: flat, with ``timestamp`` and ``received_at`` in microseconds.
            received_us: the receipt of those that do not say; None: now.

        Raises:
            InputError: one of them is no event; none is stored.
            StoreError: the store cannot be reached. Some may be stored; appended again,
                they are repeated.
        """
        now_us = self._clock_us()
        plan = Plan(self._needs, now_us if received_us is None else received_us)
        plan.add(events)
        return _told(plan, self._write(plan.arriving, now_us))

    def link(
        self, events: Sequence[Mapping[str, Any]], received_us: int | None = None
    ) -> None:
        """Take from events only which devices are whose, before a rebuild.

        Events of a device that several users share can then come in in any order.

        Raises:
            InputError: one of them is no event.
            StoreError: the store cannot be reached.
        """
        now_us = self._clock_us()
        plan = Plan(self._needs, now_us if received_us is None else received_us)
        plan.link(events)
        self._write(plan.arriving, now_us)

    def past(self, subject: str, need: Need, now_us: int) -> Past:
        """What an instance sees of a subject at an instant.

        Args:
            subject: its name; of persons ``user:ID`` or ``anonymous:ID``.
            need: of an instance that ``keep`` was told of.
            now_us: the instant: now, or a little before.

        Raises:
            InputError: the subject is no name of a person.
            StoreError: the store cannot be reached.
        """
        if need.subject == PERSON:
            return self._persons([subject], need, now_us)[0]
        (held,) = self._backend.get([key_of(need.subject, subject)])
        return _past(held, need, now_us)

    def pasts(self, subjects: Sequence[str], need: Need, now_us: int) -> list[Past]:
        """The same of many subjects, in few round trips."""
        if need.subject == PERSON:
            return self._persons(subjects, need, now_us)
        keys = [key_of(need.subject, subject) for subject in subjects]
        return [_past(held, need, now_us) for held in self._backend.get(keys)]

    def forget(self, subject_field: str, subject: str) -> int:
        """Remove a subject with its links; how many events were removed.

        Of an anonymous_id and of a user_id what is kept for persons goes too.

        Raises:
            InputError: the subject has no name.
            StoreError: the store cannot be reached; do it again.
        """
        if not subject:
            raise InputError("Expected the name of a subject. Received: an empty text.")
        return Forgetting(self._read, self._edit).forget(subject_field, subject)

    def sweep(self, now_us: int) -> int:
        """Remove subjects whose time is over; how many were removed here.

        Redis removes them by itself. Until they are swept they are not seen either.

        Raises:
            StoreError: the store cannot be reached.
        """
        return self._backend.expire(now_us)

    def documents(self) -> int:
        """How many documents there are; goes through all of them."""
        return self._backend.count()

    def ping(self) -> None:
        """Ask the store for an answer.

        Raises:
            StoreError: it cannot be reached.
        """
        self._backend.ping()

    def close(self) -> None:
        """Let go of all connections."""
        self._backend.close()

    def _persons(self, subjects: Sequence[str], need: Need, now_us: int) -> list[Past]:
        """Three round trips at most: the subjects, their users, and all devices."""
        for subject in subjects:
            check_person(subject)
        documents = self._read_persons(subjects, {}, now_us)
        persons = [person_now(s, documents[s], now_us) for s in subjects]
        documents = self._read_persons(persons, documents, now_us)
        users = [person for person in persons if person.startswith(USER)]
        listed = {u: [DEVICE + name for name, _ in documents[u].devices] for u in users}
        wanted = [name for names in listed.values() for name in names]
        documents = self._read_persons(wanted, documents, now_us)
        found = []
        for person in persons:
            devices = {name: documents[name] for name in listed.get(person, ())}
            events = events_of(person, documents[person], devices, now_us)
            found.append(Past(need.seen(known_at(events, now_us), now_us), need))
        return found

    def _read_persons(
        self, names: Sequence[str], there: dict[str, Document], now_us: int
    ) -> dict[str, Document]:
        missing = [name for name in dict.fromkeys(names) if name not in there]
        if not missing:
            return there
        held = self._backend.get([key_of(PERSON, name) for name in missing])
        read = (_document(each, now_us) for each in held)
        return there | dict(zip(missing, read, strict=True))

    def _read(self, keys: Sequence[str]) -> list[Document]:
        now_us = self._clock_us()
        return [_document(held, now_us) for held in self._backend.get(keys)]

    def _write(self, arriving: Mapping[str, Arriving], now_us: int) -> dict[str, Added]:
        """Add to documents, until each was written as it had been read."""
        found: dict[str, Added] = {}

        def work(key: str, document: Document) -> Document | None:
            found[key] = done = added(document, arriving[key], now_us, self._limits)
            same = done.document == document
            return None if same else done.document

        self._swapped(list(arriving), now_us, work)
        return found

    def _edit(self, key: str, edit: Edit) -> None:
        """Change one document; None leaves it, an empty one is removed."""
        self._swapped([key], self._clock_us(), lambda _, document: edit(document))

    def _swapped(
        self,
        keys: Sequence[str],
        now_us: int,
        work: Callable[[str, Document], Document | None],
    ) -> None:
        with self._held(keys):
            for attempt in range(_ATTEMPTS):
                if not keys:
                    return
                if attempt:
                    time.sleep(random.uniform(0, min(0.05, 0.001 * 2**attempt)))
                held = self._backend.get(keys)
                changes = []
                for key, each in zip(keys, held, strict=True):
                    made = work(key, _document(each, now_us))
                    if made is not None and (each is not None or not made.empty):
                        changes.append(_change(key, each, made, now_us))
                done = self._backend.swap(changes) if changes else []
                keys = [c.key for c, ok in zip(changes, done, strict=True) if not ok]
        if keys:
            raise StoreError(
                f"Expected to change a document within {_ATTEMPTS} tries. "
                f"Received: {self.name}, where others change it all the time. "
                "Append it again."
            )

    @contextmanager
    def _held(self, keys: Sequence[str]) -> Iterator[None]:
        """The locks of some documents among the threads of this process."""
        stripes = sorted({hash(key) % _STRIPES for key in keys})
        with ExitStack() as stack:
            for stripe in stripes:
                stack.enter_context(self._locks[stripe])
            yield


def _document(held: Held | None, now_us: int) -> Document:
    return NOTHING if held is None else decode(held.data, now_us)[0]


def _past(held: Held | None, need: Need, now_us: int) -> Past:
    if held is None:
        return Past([], need)
    document, all_known = decode(held.data, now_us)
    events = document.events
    known = events if all_known else known_at(events, now_us)
    return Past(need.seen(known, now_us), need)


def _change(key: str, held: Held | None, document: Document, now_us: int) -> Change:
    """The change; one to nothing expires at once, as no key is removed unseen."""
    data = encode(document)
    if len(data) > MAX_DOCUMENT_BYTES:
        events, _ = sized(list(document.events))
        smaller = Document(
            events, document.expires_us, document.links, document.devices
        )
        data = encode(smaller)
    return Change(
        key=key,
        expected=ABSENT if held is None else held.version,
        version=random.randint(1, _VERSIONS),
        data=data,
        expires_us=document.expires_us,
        ttl_us=max(_LEAST_TTL_US, document.expires_us - now_us),
    )


def _told(plan: Plan, written: Mapping[str, Added]) -> Appended:
    reasons = plan.reasons.copy()
    for each in written.values():
        reasons.update(each.cut)
    new, repeated = 0, plan.again
    for name, keys in plan.keys.items():
        if any(
            name in written[key].stored and name not in written[key].repeated
            for key in keys
        ):
            new += 1
        elif any(name in written[key].repeated for key in keys):
            repeated += 1
        else:
            reasons["past_reach"] += 1
    return Appended(new, repeated, dict(+Counter(reasons)))
