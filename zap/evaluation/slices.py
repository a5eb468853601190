"""Quality by slice: the examples grouped by each statistic that is stored with them.

A model may be right on the whole and wrong for those who matter: section 9 of the paper
draws a calibration curve for each slice, and the positive rate within its top 10 % of
predictions. A statistic that is true or false is a slice by itself; a number is cut
into up to three groups of about equal size, at round numbers that a reader can name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, FloatArray
from zap.evaluation import curves
from zap.evaluation.groups import DRAWS, Judged, judge_group

MOST_BUCKETS = 10  # of a curve that is drawn over others
_TARGETS = (1 / 3, 2 / 3)
_MANTISSAS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
_SMALL_COUNTS = range(1, 21)


def slices(
    judged: Judged,
    statistics: Mapping[str, NDArray[Any]],
    kinds: Mapping[str, str],
    draws: int = DRAWS,
) -> list[dict[str, Any]]:
    """Each statistic with its groups of examples.

    Args:
        judged: the examples.
        statistics: columns by name, each of shape (rows,); NaN where there is none.
        kinds: ``bool`` for the names of those that are true or false.
        draws: of the bootstrap and of the ECE's null.

    Returns:
        For each statistic with two groups or more, by name: statistic, kind, whole
        (whether it holds whole numbers only) and groups. A group has from and below,
        its numbers (from included, below excluded; None where open), or yes for one
        that is true or false; both None and no yes where there is no value. Then
        ``judge_group``'s numbers, top_decile_rate and calibration_curve.
    """
    found = []
    for name, column in sorted(statistics.items()):
        values = np.asarray(column, np.float64)
        is_bool = kinds.get(name) == "bool"
        parts = list(_yes_and_no(values) if is_bool else _ranges(values))
        filled = [(label, rows) for label, rows in parts if rows.any()]
        if len(filled) < 2:
            continue
        known = values[~np.isnan(values)]
        found.append(
            {
                "statistic": name,
                "kind": "bool" if is_bool else "number",
                "whole": bool(np.all(known == np.rint(known))),
                "groups": [
                    {**label, **_judge(judged.take(rows), draws)}
                    for label, rows in filled
                ],
            }
        )
    return found


def _judge(group: Judged, draws: int) -> dict[str, Any]:
    y, p, weight = group.y, group.p, group.weight
    return {
        **judge_group(group, draws),
        "top_decile_rate": curves.top_rate(y, p, weight),
        "calibration_curve": curves.calibration_curve(
            y, p, weight, group.subjects, max_buckets=MOST_BUCKETS
        ),
    }


def _yes_and_no(values: FloatArray) -> Iterator[tuple[dict[str, Any], BoolArray]]:
    yield {"yes": True}, values == 1
    yield {"yes": False}, values == 0


def _ranges(values: FloatArray) -> Iterator[tuple[dict[str, Any], BoolArray]]:
    missing = np.isnan(values)
    edges = slice_edges(values[~missing])
    place = np.searchsorted(edges, values, side="right")
    for i in range(len(edges) + 1):
        label = {
            "from": edges[i - 1] if i else None,
            "below": edges[i] if i < len(edges) else None,
        }
        yield label, (place == i) & ~missing
    yield {"from": None, "below": None}, missing


def slice_edges(values: FloatArray) -> list[float]:
    """Up to two edges that cut numbers into about equal groups, none of them empty.

    Of round numbers (and all counts up to 20), those are taken that leave nearest to a
    third and to two thirds of the rows below them; so values that are tied in great
    numbers stay together. Where no round number lies between the values, a value does.

    Args:
        values: shape (rows,), without NaN; their order does not matter.
    """
    ordered = np.sort(values)
    if not len(ordered) or ordered[0] == ordered[-1]:
        return []
    candidates = _round_numbers(float(ordered[0]), float(ordered[-1]))
    if not len(candidates):
        candidates = np.unique(ordered)[1:]
    if np.all(ordered == np.rint(ordered)):
        # Of counts 1.2 cuts where 2 does, and only the latter can be read as a count.
        candidates = np.unique(np.ceil(candidates))
    below = np.searchsorted(ordered, candidates, side="left") / len(ordered)
    chosen = {float(candidates[np.abs(below - t).argmin()]) for t in _TARGETS}
    edges = sorted(chosen)
    if len(edges) == 2 and not ((ordered >= edges[0]) & (ordered < edges[1])).any():
        edges = edges[:1]
    return edges


def _round_numbers(low: float, high: float) -> FloatArray:
    """Round numbers above ``low`` and up to ``high``, ascending."""
    largest = max(abs(low), abs(high))
    top = int(np.floor(np.log10(largest)))
    sizes = [float(f"{m}e{e}") for e in range(top - 5, top + 1) for m in _MANTISSAS]
    numbers = {0.0, *sizes, *(-size for size in sizes), *map(float, _SMALL_COUNTS)}
    return np.array([n for n in sorted(numbers) if low < n <= high])
