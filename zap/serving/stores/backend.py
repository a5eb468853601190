"""What a database has to do to be an event store: keep bytes under keys, and swap them.

Order, repeats, pruning and links are shared code above it, so that databases cannot
differ in them, and another one is a hundred lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from zap.errors import StoreError

ABSENT = 0
"""The version of a key that there is not."""


class Held(NamedTuple):
    """What lies under a key: its version, drawn at random, and its bytes."""

    version: int
    data: bytes


HeldThen: TypeAlias = "Callable[[list[Held | None] | StoreError], None]"


@dataclass(frozen=True)
class Change:
    """One key to be written, if it is still what it was when it was read.

    Attributes:
        key: the key.
        expected: the version that was read, or ``ABSENT``.
        version: the new one, 1 to 2**63 - 1.
        data: the new bytes.
        expires_us: when they are worthless, by the clock of the writer.
        ttl_us: how long that is from now on; at least a second.
    """

    key: str
    expected: int
    version: int
    data: bytes
    expires_us: int
    ttl_us: int


class Backend(Protocol):
    """A database. All methods raise StoreError where it cannot be reached in time.

    Methods may be called from several threads at once. None needs the database when the
    object is made, and each finds it again when it is back.

    Attributes:
        name: where it is, without secrets.
        quick: whether a read waits for nothing but this machine's own files.
        asks_in_loop: whether ``ask`` can be called.
    """

    name: str
    quick: bool
    asks_in_loop: bool

    def get(self, keys: Sequence[str]) -> list[Held | None]:
        """What lies under each of the keys."""
        ...

    def ask(self, keys: Sequence[str], then: HeldThen) -> None:
        """As ``get``, for an event loop: told in the loop's thread, and not at once."""
        ...

    def swap(self, changes: Sequence[Change]) -> list[bool]:
        """Write those whose key is as expected, each at once; whether it was."""
        ...

    def delete(self, keys: Sequence[str]) -> int:
        """Remove keys; how many there were."""
        ...

    def expire(self, before_us: int) -> int:
        """Remove what is worthless by then, where the database does not by itself."""
        ...

    def count(self) -> int:
        """The number of keys."""
        ...

    def ping(self) -> None:
        """Ask for an answer."""
        ...

    def close(self) -> None:
        """Let go of all connections."""
        ...
