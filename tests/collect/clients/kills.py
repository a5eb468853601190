"""Collectors that die at random moments while a client goes on posting."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection
from typing import Any

from tests.collect.real_collector import RealCollector

CALLS = 1_000
KILLS = 20
PACE_S = 0.03
"""Between calls: longer in all than the kills and restarts of a collector take."""


def calls_of(number: int) -> list[dict[str, Any]]:
    """The fields of calls to track that tell each other apart."""
    return [
        {"userId": f"u{i % 7}", "event": "Counted", "properties": {"number": i}}
        for i in range(number)
    ]


def kill_while(
    collector: RealCollector, going_on: Callable[[], bool], kills: int, seed: int
) -> int:
    """Kill a collector and start it again, as long as something goes on.

    Args:
        collector: that runs, and will run.
        going_on: whether there is anything left to disturb.
        kills: at most so many.
        seed: of the moments.

    Returns:
        How often it was killed while something went on.
    """
    moments = random.Random(seed)
    for done in range(kills):
        time.sleep(moments.uniform(0.05, 0.6))
        if not going_on():
            return done
        collector.kill()
        time.sleep(moments.uniform(0, 0.3))
        collector.start()
    return kills


def check_kept(
    collector: RealCollector, sent: Collection[int], acknowledged: Collection[int]
) -> None:
    """Nothing acknowledged is missing, and nothing is there that was not sent."""
    kept = {event["properties"]["number"] for event in collector.events()}
    assert not set(acknowledged) - kept, "acknowledged and lost"
    assert not kept - set(sent), "never sent"
