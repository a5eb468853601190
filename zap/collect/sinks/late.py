"""A sink that is opened when it is needed, and again until that succeeds.

An archive on a disk that is away, or a store whose driver is missing, must not keep the
other sinks from their records when the delivery starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from zap.collect.sinks.sink import Ailing, Sink, Telling

if TYPE_CHECKING:
    from zap.collect.spool.reader import Batch


class LateSink:
    """Opens another sink at its first use.

    Args:
        name: of that sink.
        opened: opens it.
    """

    def __init__(self, name: str, opened: Callable[[], Sink]):
        self.name = name
        self._opened = opened
        self._sink: Sink | None = None

    @property
    def linger_s(self) -> float:
        """See `Sink`; 0 before it is open."""
        return 0.0 if self._sink is None else self._sink.linger_s

    def write(self, batch: Batch) -> None:
        """See `Sink`."""
        self._ready().write(batch)

    def position(self) -> int | None:
        """See `Sink`; opens it.

        Raises:
            ZapError: it can't be opened at present.
        """
        return self._ready().position()

    def counts(self) -> Mapping[str, int]:
        """See `Telling`; nothing where the other does not tell."""
        return self._sink.counts() if isinstance(self._sink, Telling) else {}

    def problems(self) -> Mapping[str, str]:
        """See `Ailing`."""
        return self._sink.problems() if isinstance(self._sink, Ailing) else {}

    def close(self) -> None:
        """See `Sink`."""
        if self._sink is not None:
            self._sink.close()

    def _ready(self) -> Sink:
        if self._sink is None:
            self._sink = self._opened()
        return self._sink
