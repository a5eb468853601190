"""Reads that say what they need, and leave to others how it is asked.

A read is a generator: it yields keys and is sent what lies under them, until it returns
what it was asked for. So one code serves threads, which wait for a database, and an
event loop, which does not.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias, TypeVar

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

    def go_on(held: list[Held | None] | StoreError | None) -> None:
        try:
            if isinstance(held, StoreError):
                keys = reading.throw(held)
            else:
                keys = next(reading) if held is None else reading.send(held)
        except StopIteration as end:
            then(end.value)
        except Exception as error:
            then(error)
        else:
            try:
                get(keys, go_on)
            except Exception as error:
                then(error)

    go_on(None)
