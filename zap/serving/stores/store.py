"""EventStore: the recent events of subjects, whatever database keeps them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from zap.errors import InputError
from zap.serving.stores.arriving import Added, Arriving, Plan, added
from zap.serving.stores.asking import Asking, Then, ask, asked
from zap.serving.stores.backend import Backend, Held
from zap.serving.stores.document import Document, decode, known_at
from zap.serving.stores.forgetting import Forgetting
from zap.serving.stores.keys import key_of
from zap.serving.stores.need import PERSON, Need, union
from zap.serving.stores.persons import pasts_of_persons
from zap.serving.stores.pruning import Limits
from zap.serving.stores.results import Appended, Past, told
from zap.serving.stores.swapping import Swapper, document_of

Edit: TypeAlias = Callable[[Document], Document | None]


def wall_clock_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


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
        self._swapper = Swapper(backend)

    @property
    def name(self) -> str:
        """Where it is, without secrets."""
        return self._backend.name

    @property
    def quick(self) -> bool:
        """Whether a read waits for nothing but this machine's own files."""
        return self._backend.quick

    @property
    def asks_in_loop(self) -> bool:
        """Whether ``ask_pasts`` can be called, in an event loop."""
        return self._backend.asks_in_loop

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
        return told(plan, self._write(plan.arriving, now_us))

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
        return asked(_pasts([subject], need, now_us), self._backend.get)[0]

    def pasts(self, subjects: Sequence[str], need: Need, now_us: int) -> list[Past]:
        """The same of many subjects, in few round trips."""
        return asked(_pasts(subjects, need, now_us), self._backend.get)

    def ask_pasts(
        self, subjects: Sequence[str], need: Need, now_us: int, then: Then[list[Past]]
    ) -> None:
        """The same, where ``asks_in_loop``: ``then`` is told, from the loop."""
        ask(_pasts(subjects, need, now_us), self._backend.ask, then)

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

    def _read(self, keys: Sequence[str]) -> list[Document]:
        now_us = self._clock_us()
        return [document_of(held, now_us) for held in self._backend.get(keys)]

    def _write(self, arriving: Mapping[str, Arriving], now_us: int) -> dict[str, Added]:
        """Add to documents, until each was written as it had been read."""
        found: dict[str, Added] = {}

        def work(key: str, document: Document) -> Document | None:
            found[key] = done = added(document, arriving[key], now_us, self._limits)
            same = done.document == document
            return None if same else done.document

        self._swapper.swap(list(arriving), now_us, work)
        return found

    def _edit(self, key: str, edit: Edit) -> None:
        """Change one document; None leaves it, an empty one is removed."""
        self._swapper.swap([key], self._clock_us(), lambda _, document: edit(document))


def _pasts(subjects: Sequence[str], need: Need, now_us: int) -> Asking[list[Past]]:
    """What an instance sees of subjects."""
    if need.subject == PERSON:
        return (yield from pasts_of_persons(subjects, need, now_us))
    held = yield [key_of(need.subject, subject) for subject in subjects]
    return [_past(each, need, now_us) for each in held]


def _past(held: Held | None, need: Need, now_us: int) -> Past:
    if held is None:
        return Past([], need)
    document, all_known = decode(held.data, now_us)
    events = document.events
    known = events if all_known else known_at(events, now_us)
    return Past(need.seen(known, now_us), need)
