"""What a sink is: it takes batches of spooled records, and may be given them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from zap.collect.spool.reader import Batch


class Sink(Protocol):
    """A place that every record of the spool is brought to, in order.

    A process may end between a write and the note of it. So the same records come
    again then, perhaps cut into other batches, and must change nothing.

    Attributes:
        name: under which its position is kept.
    """

    name: str

    @property
    def linger_s(self) -> float:
        """How long records may wait for more of them, for a sink that makes files."""
        ...

    def write(self, batch: Batch) -> None:
        """Take some records, durably.

        Raises:
            ZapError: it can't be done at present; the records come again.
        """
        ...

    def position(self) -> int | None:
        """The number of the next record, where the sink keeps it itself; else None."""
        ...

    def close(self) -> None:
        """Let go of all that is held."""
        ...


@runtime_checkable
class Telling(Protocol):
    """A sink that tells what became of records, for ``zap collect status``."""

    def counts(self) -> Mapping[str, int]:
        """What became of the records since the start of the process, by name."""
        ...


@runtime_checkable
class Ailing(Protocol):
    """A sink that tells what is wrong and yet holds nothing up."""

    def problems(self) -> Mapping[str, str]:
        """What is wrong, by name."""
        ...
