"""Collision rate and sparsity as measured on encoded events.

The measures are sums of counts, so that shards add up. The collision rate is the share
of an event's distinct strings that fell into a bucket already taken in that event; the
expected one for any load is in ``zap.encoding.hashing``.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from zap.encoding.columns import FlatHistories, IntArray, SparseRows
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash
from zap.encoding.rows import event_columns
from zap.encoding.values import as_categorical, strings_in, used_codes


def measure_events(
    encoder: Encoder, histories: FlatHistories, kept: IntArray, events: SparseRows
) -> dict[str, int]:
    """Counts from which the rates follow; add them up over shards.

    Args:
        encoder: the encoder.
        histories: the events.
        kept: indices of the events that were encoded.
        events: their rows, from ``encoder.encode_events``.
    """
    buckets = encoder.hash_buckets
    return {
        "events": len(kept),
        "places": len(kept) * encoder.event_size,
        "entries": len(events.indices),
        "hashed_strings": _strings(encoder, histories, kept),
        "hashed_places": len(kept) * buckets,
        "hashed_entries": int((events.indices < buckets).sum()),
    }


def measured_rates(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Collision rate and sparsity from counts; None where there was nothing.

    Returns:
        ``collision_rate`` of the hashed strings, ``hash_sparsity`` (share of empty
        buckets), ``sparsity`` (share of empty places of the whole vector), and
        ``entries_per_event``.
    """

    def share(part: str, whole: str) -> float | None:
        return counts[part] / counts[whole] if counts[whole] else None

    def rest(part: str, whole: str) -> float | None:
        found = share(part, whole)
        return None if found is None else 1 - found

    return {
        "collision_rate": rest("hashed_entries", "hashed_strings"),
        "hash_sparsity": rest("hashed_entries", "hashed_places"),
        "sparsity": rest("entries", "places"),
        "entries_per_event": share("entries", "events"),
    }


def _strings(encoder: Encoder, histories: FlatHistories, kept: IntArray) -> int:
    """How many distinct strings were hashed, over all events."""
    total = 0
    for feature, column in event_columns(encoder.instance, histories, kept):
        if isinstance(feature, Hash):
            texts = as_categorical(column)
            counts = np.zeros(len(texts.distinct) + 1, np.int64)
            for code in used_codes(texts):
                strings = strings_in(texts.distinct[code], feature.most)
                counts[code] = len(set(strings))
            total += int(counts[texts.codes].sum())
    return total
