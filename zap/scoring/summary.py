"""A day's predictions in a few numbers, put together from those of its parts.

Means, extremes and counts are exact. Quantiles are exact up to ``SAMPLE`` subjects;
beyond that they are those of as many, drawn by the hashes of the subjects, so that they
are the same whenever the day is scored again.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SAMPLE = 20_000
QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def facts_of(rows: pa.Table, most: int) -> dict[str, Any]:
    """What one part adds to the summary, as JSON.

    Args:
        rows: of ``zap.scoring.rows.SCHEMA``, in the order of their subjects' hashes.
        most: how many values are told at most.
    """
    segments = Counter(rows.column("segment").drop_null().to_pylist())
    blank = pc.sum(pc.equal(rows.column("events"), 0)).as_py() or 0
    facts: dict[str, Any] = {
        "subjects": rows.num_rows,
        "without_events": int(blank),
        "segments": dict(segments),
    }
    if rows.column("probabilities").null_count < rows.num_rows:
        return facts | {"classes": _class_sums(rows.column("probabilities"))}
    amounts = rows.column("amount").null_count < rows.num_rows
    values = rows.column("amount" if amounts else "probability").to_numpy()
    if len(values):
        facts["sum"] = math.fsum(values.tolist())
        facts["ends"] = [float(values.min()), float(values.max())]
        facts["sample"] = values[:most].tolist()
    return facts


def summary_of(parts: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Any:
    """The summary of all parts.

    Args:
        parts: what ``facts_of`` told of each.
        names: of all segments, in the order in which they are to be told.

    Returns:
        ``subjects``, ``without_events`` (those of whom the model saw none), and by
        kind ``mean``, ``lowest``, ``highest``, ``quantiles`` and ``segments``, or the
        mean of each class.
    """
    found = list(parts)
    subjects = sum(part["subjects"] for part in found)
    told: dict[str, Any] = {
        "subjects": subjects,
        "without_events": sum(part["without_events"] for part in found),
    }
    if not subjects:
        return told
    by_class = [part["classes"] for part in found if "classes" in part]
    if by_class:
        sums = {name: math.fsum(p[name] for p in by_class) for name in by_class[0]}
        return told | {"means": {name: at / subjects for name, at in sums.items()}}
    scored = [part for part in found if "sum" in part]
    counts = Counter[str]()
    for part in scored:
        counts.update(part["segments"])
    return told | {
        "mean": math.fsum(part["sum"] for part in scored) / subjects,
        "lowest": min(part["ends"][0] for part in scored),
        "highest": max(part["ends"][1] for part in scored),
        "quantiles": _quantiles(scored),
        "segments": {name: counts[name] for name in names},
    }


def _class_sums(column: pa.ChunkedArray) -> dict[str, float]:
    """The sum of the probabilities of each class."""
    pairs = column.combine_chunks().flatten()
    names, values = pairs.field("class"), pairs.field("probability").to_numpy()
    width = len(pairs) // len(column)
    sums = values.reshape(-1, width).T.tolist()
    return dict(zip(names[:width].to_pylist(), map(math.fsum, sums), strict=True))


def _quantiles(parts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Quantiles of the values that were told, each for its share of its part."""
    values = np.concatenate([part["sample"] for part in parts])
    shares = [part["subjects"] / len(part["sample"]) for part in parts]
    weights = np.repeat(shares, [len(part["sample"]) for part in parts])
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.array(QUANTILES) * reached[-1])
    chosen = values[order][np.minimum(places, len(values) - 1)].tolist()
    return {f"{q:g}": value for q, value in zip(QUANTILES, chosen, strict=True)}
