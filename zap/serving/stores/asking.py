"""Reads that say what they need, and leave to others how it is asked.

A read is a generator: it yields keys and is sent what lies under them, until it returns
what it was asked for. So one code serves threads, which wait for a database, and an
event loop, which does not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Generic, TypeAlias, TypeVar

from zap.errors import StoreError
from zap.serving.stores.backend import Held, HeldThen

T = TypeVar("T")
Asking: TypeAlias = Generator[Sequence[str], "list[Held | None]", T]
Then: TypeAlias = "Callable[[T | Exception], None]"


def asked(reading: Asking[T], get: Callable[[Sequence[str]], list[Held | None]]) -> T:
    """What a read comes to, asked here and now.

    Raises:
        StoreError: as ``get``.
    """
    try:
        keys = next(reading)
        while True:
            keys = reading.send(get(keys))
    except StopIteration as end:
        found: T = end.value
        return found


def ask(
    reading: Asking[T], get: Callable[[Sequence[str], HeldThen], None], then: Then[T]
) -> None:
    """The same in an event loop: ``then`` is called with what it comes to.

    ``get`` tells what it has got once it has returned.
    """

    _Reading(reading, get, then).go_on(None)


class _Reading(Generic[T]):
    """A read on its way. A closure that calls itself would be a cycle of objects."""

    __slots__ = ("_get", "_reading", "_then")

    def __init__(
        self,
        reading: Asking[T],
        get: Callable[[Sequence[str], HeldThen], None],
        then: Then[T],
    ):
        self._reading, self._get, self._then = reading, get, then

    def go_on(self, held: list[Held | None] | StoreError | None) -> None:
        """Send it what was got, and get what it needs next."""
        try:
            if isinstance(held, StoreError):
                keys = self._reading.throw(held)
            elif held is None:
                keys = next(self._reading)
            else:
                keys = self._reading.send(held)
        except StopIteration as end:
            self._then(end.value)
        except Exception as error:
            self._then(error)
        else:
            try:
                self._get(keys, self.go_on)
            except Exception as error:
                self._then(error)
