"""Seconds of contenders that take turns; of all rounds the best counts."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from typing import Any


def best_seconds(
    contenders: Mapping[str, Callable[[], Any]], rounds: int, calls: int = 1
) -> dict[str, float]:
    """Seconds of one call of each contender.

    Args:
        contenders: by name; each is called once before any clock runs.
        rounds: turns of each.
        calls: calls in a row in one turn, whose average counts.
    """
    for call in contenders.values():
        call()
    best = dict.fromkeys(contenders, float("inf"))
    gc.disable()
    try:
        for _ in range(rounds):
            for name, call in contenders.items():
                began = time.perf_counter()
                for _ in range(calls):
                    call()
                spent = (time.perf_counter() - began) / calls
                best[name] = min(best[name], spent)
    finally:
        gc.enable()
    return best
