"""Who hears that records are on the disk: a function, a thread, or an event loop."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from zap.errors import CollectError

Done = Callable[[CollectError | None], None]
Ended = tuple[Any, int]
"""A token that was given with records, and the number of the first of them."""


class Receiver(Protocol):
    """Hears once of all that it has in a group; in the spool's thread."""

    def settle(self, ended: Sequence[Ended], error: CollectError | None) -> None:
        """The records are synced, or, with an error, none of them is kept."""
        ...


class Calls:
    """Takes functions for tokens, and calls each."""

    def settle(self, ended: Sequence[Ended], error: CollectError | None) -> None:
        """Call them."""
        for done, _ in ended:
            try:
                done(error)
            except Exception:
                report()


class Waiting:
    """A thread that waits for its records."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._first = -1
        self._error: CollectError | None = None

    def settle(self, ended: Sequence[Ended], error: CollectError | None) -> None:
        """Let the thread go on."""
        self._error = error
        self._first = ended[0][1]
        self._ready.set()

    def first(self) -> int:
        """Wait, and return the number of the first record.

        Raises:
            CollectError: it is not kept.
        """
        self._ready.wait()
        if self._error is not None:
            raise self._error
        return self._first


def settle_all(
    group: Sequence[tuple[Receiver, Ended]], error: CollectError | None
) -> None:
    """Tell each receiver once; one that raises is reported, and the others hear."""
    by_receiver: dict[int, tuple[Receiver, list[Ended]]] = {}
    for receiver, ended in group:
        by_receiver.setdefault(id(receiver), (receiver, []))[1].append(ended)
    for receiver, all_ended in by_receiver.values():
        try:
            receiver.settle(all_ended, error)
        except Exception:
            report()


def report() -> None:
    """Say of an exception that nobody else can hear of, as threads do."""
    kind, value, trace = sys.exc_info()
    assert kind is not None
    given = (kind, value, trace, threading.current_thread())
    threading.excepthook(threading.ExceptHookArgs(given))
