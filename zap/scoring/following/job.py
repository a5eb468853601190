"""What a following job is told: all that its workers need, as data."""

from __future__ import annotations

from dataclasses import dataclass

from zap.bundles.registry import Registry
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.scoring.following.options import Following
from zap.serving.served import Served, served


@dataclass(frozen=True)
class Times:
    """The clock, and when the archive was written to last; microseconds since 1970."""

    now_us: int
    committed_us: int


@dataclass(frozen=True)
class FollowJob:
    """A job.

    Attributes:
        archive: the folder of the collector's archive.
        mapping: what its rows mean.
        registry: where the model is.
        application: whose model.
        version: of the model.
        output: where rows go.
        following: when subjects are scored.
        shards: of the subjects; each is worked on by one worker at a time.
        run: how often the output was begun before, and once.
        behind_us: how far the watermark stays behind the latest receipt.
        poll_s: how often the archive is looked at.
        idle_s: after so long without a commit the watermark follows the clock; 0:
            never.
    """

    archive: str
    mapping: EventMapping
    registry: str
    application: str
    version: str
    output: str
    following: Following
    shards: int = 8
    run: int = 1
    behind_us: int = 10_000_000
    poll_s: float = 1.0
    idle_s: float = 300.0

    def __post_init__(self) -> None:
        if self.shards < 1 or self.behind_us < 0 or self.poll_s <= 0 or self.idle_s < 0:
            raise InputError(
                "Expected at least one shard, a time between looks above 0, and no "
                f"negative time. Received: shards={self.shards}, "
                f"behind_us={self.behind_us}, poll_s={self.poll_s}, "
                f"idle_s={self.idle_s}."
            )

    def load(self) -> Served:
        """The model."""
        bundle = Registry(self.registry, self.application).load(self.version)
        return served(self.application, bundle)

    def watermark_us(self, newest_us: int | None, caught_up: bool, times: Times) -> int:
        """Before which instant nothing is expected any more.

        Args:
            newest_us: the latest receipt that was read, if any was.
            caught_up: whether all of the archive was read.
            times: now, and of the last commit.
        """
        found = -(1 << 61) if newest_us is None else newest_us - self.behind_us
        silent_us = times.now_us - times.committed_us
        idle_us = round(self.idle_s * 1e6)
        if caught_up and idle_us and silent_us >= idle_us:
            found = max(found, times.now_us - max(idle_us, self.behind_us))
        return found
