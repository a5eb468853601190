"""One block of people as two tables: what a tracker would have sent, and the truth.

Blocks know nothing of one another: each has people and a seed of its own. So any
number of processes makes the same files, and memory holds a block at a time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from zap.encoding.columns import IntArray
from zap.simulation.bots import KINDS, bot_crowd
from zap.simulation.crowd import Crowd, together
from zap.simulation.flaws import DUPLICATE, FAULTS, Sent, send
from zap.simulation.settings import Settings
from zap.simulation.tables import Ids, events_table, truth_table
from zap.simulation.visitors import Visitors


@dataclass(frozen=True)
class Block:
    """The tables of a block, row by row about the same events.

    Attributes:
        events: what a tracker would have sent, in the order of time.
        truth: what is known because it is a simulation.
        counts: of rows, visits, people and their kinds.
    """

    events: pa.Table
    truth: pa.Table
    counts: Counter[str]


def make_block(
    visitors: Visitors, settings: Settings, number: int, persons: int
) -> Block:
    """The block ``number`` with ``persons`` people."""
    seed = np.random.SeedSequence([settings.seed, number])
    random = np.random.Generator(np.random.SFC64(seed))
    crowd = visitors.crowd(random, persons)
    bots = round(len(crowd.steps) * settings.bots / (1 - settings.bots))
    robots, kind_of_bots = bot_crowd(random, bots, settings)
    people = len(crowd.visits)
    kind = np.concatenate([np.zeros(people, np.int64), kind_of_bots])
    crowd = together(crowd, robots)
    steps, visits = crowd.steps, crowd.visits
    delay = random.integers(100, 3_000, len(visits))
    received = steps.time_ms + delay[steps.visit]
    sent = send(random, steps.time_ms, received, settings)
    order = _order(steps.time_ms[sent.event] - settings.from_ms)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    rows = rank[sent.own[order]]
    ids = Ids.of(settings.seed, number, rows, len(crowd.devices), persons)
    sent = sent.take(order)
    events = events_table(random, crowd, kind, sent, ids)
    truth = truth_table(number, crowd, kind, sent, ids)
    return Block(events, truth, _counts(crowd, kind, sent, persons))


def _order(passed_ms: IntArray) -> IntArray:
    """The order of time; rows of one time stay as they are."""
    # The row in the low bits makes keys distinct, so that the fastest sort is stable.
    bits = max(len(passed_ms) - 1, 1).bit_length()
    keys = (passed_ms << bits) | np.arange(len(passed_ms))
    keys.sort()
    order: IntArray = keys & ((1 << bits) - 1)
    return order


def _counts(crowd: Crowd, kind: IntArray, sent: Sent, persons: int) -> Counter[str]:
    visit = crowd.steps.visit[sent.event]
    of_kind = np.bincount(kind[visit], minlength=len(KINDS))
    of_fault = np.bincount(sent.fault, minlength=len(FAULTS))
    people = kind == 0
    counts = {
        "rows": len(sent.event),
        "events": int((sent.fault < DUPLICATE).sum()),
        "persons": persons,
        "devices": int((crowd.devices.person >= 0).sum()),
        "visits": int(people.sum()),
        "visits.bought": int(crowd.visits.bought.sum()),
    }
    counts |= {f"rows.{k}": int(n) for k, n in zip(KINDS, of_kind, strict=True)}
    counts |= {
        f"rows.{f}": int(n) for f, n in zip(FAULTS[1:], of_fault[1:], strict=True)
    }
    return Counter(counts)
