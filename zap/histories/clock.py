"""How fine a source's clock is, told from its timestamps alone.

A clock is too coarse for rules on seconds if it only ever shows whole minutes (dates
and minutes are of this kind), or if its minutes never change over several hours: a
frequent slip of log formats is the month in the minutes' place. What is found is a sum
over events, so that workers can add up their shares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import IntArray
from zap.times import SECOND_US

MINUTE_US, HOUR_US = 60 * SECOND_US, 3_600 * SECOND_US
FEWEST_HOURS = 3
"""Hours that must show one and the same minute before it is taken to stand still."""


def clock_counts(events: pa.Table | pa.RecordBatch) -> Counter[str]:
    """What the timestamps of each source show: seconds, minutes and hours.

    Returns:
        Numbers of events by "DIGEST off" (not at a whole minute), "DIGEST minute N" (of
        the hour) and "DIGEST hour N" (since 1970).
    """
    counts: Counter[str] = Counter()
    if not events.num_rows:
        return counts
    time_us = np.asarray(pc.cast(events.column("timestamp"), pa.int64()).to_numpy())
    sources = pc.dictionary_encode(events.column("source"))
    if isinstance(sources, pa.ChunkedArray):
        sources = sources.combine_chunks()
    code = sources.indices.to_numpy()
    for place, digest in enumerate(sources.dictionary.to_pylist()):
        own = time_us[code == place]
        counts[f"{digest} off"] += int((own % MINUTE_US != 0).sum())
        for name, values in (
            ("minute", own % HOUR_US // MINUTE_US),
            ("hour", own // HOUR_US),
        ):
            for value, number in tally(values).items():
                counts[f"{digest} {name} {value}"] += number
    return counts


def tally(values: IntArray) -> dict[int, int]:
    """How often each value occurs, of values that lie near each other."""
    if not len(values):
        return {}
    first = int(values.min())
    sizes = np.bincount(values - first)
    found = np.flatnonzero(sizes)
    return dict(zip((found + first).tolist(), sizes[found].tolist(), strict=True))


def coarse_sources(counts: Mapping[str, int]) -> frozenset[str]:
    """Digests of the sources whose clock is too coarse, given their counts."""
    off: Counter[str] = Counter()
    shown: dict[str, Counter[str]] = {}
    for key, number in counts.items():
        digest, what, *_ = key.split(" ")
        if what == "off":
            off[digest] += number
        else:
            shown.setdefault(digest, Counter())[what] += 1
    return frozenset(
        digest
        for digest, found in shown.items()
        if not off[digest] or (found["minute"] == 1 and found["hour"] >= FEWEST_HOURS)
    )
