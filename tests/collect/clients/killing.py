"""Kills a collector at random moments, again and again, while clients post to it."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.collect.real_collector import RealCollector

PROVE = bool(os.environ.get("ZAP_PROVE"))  # as make prove-collect does
KILLS, CALLS = (20, 1_000) if PROVE else (4, 200)


@dataclass
class Kills:
    """What is being done to a collector.

    Attributes:
        wanted: how often it is killed.
        done: how often it has been.
        over: set when it runs, and is left alone.
    """

    wanted: int
    done: int = 0
    over: threading.Event = field(default_factory=threading.Event)

    def pace_s(self, count: int) -> float:
        """How long a client of so many events waits between them.

        With it, it is there at each kill: 0.2 seconds until it, and 0.5 until the
        collector is back.
        """
        return 0.7 * self.wanted / count


@contextmanager
def killed(collector: RealCollector, wanted: int, seed: int) -> Iterator[Kills]:
    """Kill a running collector and start it again, until it was often enough.

    It lives for up to 0.4 seconds each time: sometimes too short to be found.
    """
    kills = Kills(wanted)
    random_s = random.Random(seed)

    def go_on() -> None:
        try:
            for _ in range(wanted):
                time.sleep(random_s.uniform(0, 0.4))
                collector.kill()
                kills.done += 1
                collector.start()
        finally:
            kills.over.set()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield kills
    finally:
        thread.join()
    assert kills.done == wanted


def lost(collector: RealCollector, acknowledged: Sequence[str]) -> list[str]:
    """Ids of events that a client was told are safe, and are not."""
    found = {event["event_id"] for event in collector.events()}
    return [each for each in acknowledged if each not in found]


def doubled(ids: Sequence[str]) -> list[str]:
    """Ids that are there more than once."""
    return [each for each, count in Counter(ids).items() if count > 1]
