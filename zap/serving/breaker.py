"""A store that is known to be down is not asked: callers are told at once.

A dead or slow store costs each request its time-out, and soon every worker waits for
it. After some failures in a row the breaker opens: calls fail at once, and once in a
while a single one is let through to see whether the store is back. So it recovers by
itself, and whatever needs no store is answered all the while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from zap.errors import StoreError
from zap.serving.stores import Appended, EventStore, Need, Past
from zap.serving.stores.asking import Then

T = TypeVar("T")
TELL_S = 60.0


class Breaker:
    """A store that stops asking another one which does not answer.

    Args:
        store: the other one.
        failures: in a row, after which it is not asked.
        pause_s: for how long, before one call tries again.
        clock: seconds that only rise.
        told: is given why the store can't be used: each reason at once, and again once
            a minute while it lasts.

    Attributes:
        refused: calls that were answered without the store.
    """

    def __init__(
        self,
        store: EventStore,
        failures: int = 3,
        pause_s: float = 0.5,
        clock: Callable[[], float] = time.monotonic,
        told: Callable[[str], None] = lambda reason: None,
    ):
        self._store, self._told = store, told
        self._tell_again: dict[str, float] = {}
        self._most, self._pause_s, self._clock = failures, pause_s, clock
        self._lock = threading.Lock()
        self._failed = 0
        self._again = 0.0
        self.refused = 0

    @property
    def open(self) -> bool:
        """Whether the store is not asked at present."""
        return self._failed >= self._most

    @property
    def quick(self) -> bool:
        """See `EventStore`."""
        return self._store.quick

    def keep(self, needs: Sequence[Need]) -> None:
        """See `EventStore`; never refused, as it is about what is to come."""
        self._store.keep(needs)

    def append(self, events: Sequence[Mapping[str, Any]]) -> Appended:
        """See `EventStore`."""
        return self._call(lambda: self._store.append(events))

    def past(self, subject: str, need: Need, now_us: int) -> Past:
        """See `EventStore`."""
        return self._call(lambda: self._store.past(subject, need, now_us))

    def pasts(self, subjects: Sequence[str], need: Need, now_us: int) -> list[Past]:
        """See `EventStore`."""
        return self._call(lambda: self._store.pasts(subjects, need, now_us))

    @property
    def asks_in_loop(self) -> bool:
        """See `EventStore`."""
        return self._store.asks_in_loop

    def ask_pasts(
        self, subjects: Sequence[str], need: Need, now_us: int, then: Then[list[Past]]
    ) -> None:
        """See `EventStore`; where the store is not asked, ``then`` is told at once."""

        def told(found: list[Past] | Exception) -> None:
            if isinstance(found, Exception):
                self._count_error(found)
            else:
                self._count(failed=False)
            then(found)

        try:
            self._wait_or_try()
        except StoreError as error:
            then(error)
        else:
            self._store.ask_pasts(subjects, need, now_us, told)

    def forget(self, subject_field: str, subject: str) -> int:
        """See `EventStore`."""
        return self._call(lambda: self._store.forget(subject_field, subject))

    def sweep(self, now_us: int) -> int:
        """See `EventStore`."""
        return self._call(lambda: self._store.sweep(now_us))

    def ping(self) -> None:
        """See `EventStore`."""
        self._call(self._store.ping)

    def close(self) -> None:
        """See `EventStore`."""
        self._store.close()

    def _call(self, ask: Callable[[], T]) -> T:
        self._wait_or_try()
        try:
            found = ask()
        except Exception as error:
            self._count_error(error)
            raise
        self._count(failed=False)
        return found

    def _count_error(self, error: Exception) -> None:
        """One that is a caller's says nothing of the store: the next one may try."""
        if isinstance(error, StoreError):
            self._count(failed=True)
            self._tell(str(error))
        elif self.open:
            with self._lock:
                self._again = self._clock()

    def _tell(self, reason: str) -> None:
        with self._lock:
            now = self._clock()
            # A server that dies gives two reasons by turns, of each of many requests.
            lately = {each: at for each, at in self._tell_again.items() if now < at}
            self._tell_again = lately
            if reason in lately:
                return
            lately[reason] = now + TELL_S
        self._told(reason)

    def _count(self, failed: bool) -> None:
        if failed:
            with self._lock:
                self._failed += 1
                self._again = self._clock() + self._pause_s
        elif self._failed:
            with self._lock:
                self._failed = 0

    def _wait_or_try(self) -> None:
        """Let one call through after each pause; refuse the others."""
        if self._failed < self._most:
            return
        with self._lock:
            if self._failed < self._most:
                return
            moment = self._clock()
            if moment >= self._again:
                self._again = moment + self._pause_s
                return
            self.refused += 1
        raise StoreError(
            "Expected a store that answers. Received: "
            f"{self._failed} failures in a row. It is tried again within "
            f"{self._pause_s:g} s; start the store, or mend the way to it."
        )


Store: TypeAlias = EventStore | Breaker
