"""The bounds of a delivery."""

from __future__ import annotations

from dataclasses import dataclass, fields

from zap.errors import CollectError


@dataclass(frozen=True)
class DeliveryOptions:
    """How records are delivered. Numbers are above 0; ``keep_s``, ``drain_s`` may be 0.

    Attributes:
        most: records of a batch at most.
        most_bytes: of a batch at most, as they are spooled; what bounds the memory.
        first_pause_s: after a failure; doubled with each further one.
        longest_pause_s: the pause that it grows to.
        keep_s: how long the spool keeps what all sinks have taken, as long as there is
            room: a store or an archive day can be made again from it.
        free_bytes: where the disk has less than this left, it is not kept.
        trim_s: how often the spool is trimmed.
        report_s: how often the report is written.
        drain_s: how long a delivery that is asked to stop goes on with what is there.
    """

    most: int = 5_000
    most_bytes: int = 4 << 20
    first_pause_s: float = 0.1
    longest_pause_s: float = 30.0
    keep_s: float = 86_400.0
    free_bytes: int = 256 << 20
    trim_s: float = 5.0
    report_s: float = 1.0
    drain_s: float = 10.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value < 0 or (value == 0 and each.name not in ("keep_s", "drain_s")):
                raise CollectError(
                    "Expected a number above 0 as an option of the delivery. "
                    f"Received: {each.name}={value!r}."
                )
