"""Quality by moment: when in a session it pays to ask.

Early a question is asked of many, of whom little is known; late of few, of whom much
is. The numbers of each position, elapsed time and wait show where the gain of waiting
ends. Those of a position are about the subjects who got there, and about no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, FloatArray, IntArray
from zap.evaluation.groups import DRAWS, Judged, judge_group

LEAST_OF_A_CLASS = 50  # subjects with a positive, and with a negative, in a bin
TOLERANCE = 0.02  # of AUC: a gain that is not worth waiting for
REACH = 0.5  # of the positive subjects: later moments come too late for most
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
POSITION_EDGES = (1, 2, 3, 4, 5, 6, 8, 11, 16, 21, 31, 51, 101, 201, 501)
SECOND_EDGES = (
    *(1, 5, 15, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 4 * _DAY, 7 * _DAY),
    *(14 * _DAY, 30 * _DAY, 60 * _DAY, 90 * _DAY, 180 * _DAY, 365 * _DAY, 730 * _DAY),
)
EDGES = {
    "position": POSITION_EDGES,
    "elapsed_seconds": SECOND_EDGES,
    "wait_seconds": SECOND_EDGES,
}


def moments(
    judged: Judged, columns: Mapping[str, NDArray[Any]], draws: int = DRAWS
) -> dict[str, Any]:
    """The numbers by position, elapsed time and wait, where these vary.

    Args:
        judged: the examples.
        columns: ``Visits.moment``: columns by name, each of shape (rows,); NaN where
            there is no such time.
        draws: of the bootstrap and of the ECE's null.

    Returns:
        For each column with two bins or more the rows that are ``unknown`` and its
        ``bins``, from low to high: from and
        below (None where open), ``judge_group``'s numbers, and subjects_reaching and
        positives_reaching: the subjects with a row in this bin or beyond, and those of
        them with a positive row anywhere. For ``position`` also ``asking``; see
        ``when_to_ask``.
    """
    found: dict[str, Any] = {}
    for name, edges in EDGES.items():
        if name not in columns:
            continue
        column = np.asarray(columns[name], np.float64)
        known = ~np.isnan(column)
        values, rows = column[known], judged.take(known)
        kept = merged_edges(rows, values, edges)
        if not kept:
            continue
        place = np.searchsorted(kept, values, side="right")
        reach = _reaching(rows, place, len(kept) + 1)
        bins = [
            {
                "from": kept[i - 1] if i else None,
                "below": kept[i] if i < len(kept) else None,
                **judge_group(rows.take(place == i), draws),
                **{what: int(counts[i]) for what, counts in reach.items()},
            }
            for i in range(len(kept) + 1)
        ]
        found[name] = {"bins": bins, "unknown": int((~known).sum())}
    if "position" in found and asked_repeatedly(judged, columns["position"]):
        found["position"]["asking"] = when_to_ask(found["position"]["bins"])
    return found


def merged_edges(
    judged: Judged, values: FloatArray, edges: tuple[int, ...]
) -> list[float]:
    """The edges that leave enough subjects with either outcome in each bin.

    From low to high, a bin is closed at the first edge at which it has enough; what is
    left at the end joins the last bin. Subjects are counted, not rows: hundreds of late
    rows may belong to a handful of subjects, and say no more than these.

    Args:
        judged: the examples.
        values: shape (rows,).
        edges: ascending; a value on an edge lies above it.
    """
    code = np.unique(judged.subjects, return_inverse=True)[1]
    kept: list[float] = []
    start = -np.inf
    for edge in edges:
        rows = (values >= start) & (values < edge)
        if _enough(judged, code, rows) and _enough(judged, code, values >= edge):
            kept.append(float(edge))
            start = edge
    return kept


def _enough(judged: Judged, code: IntArray, rows: BoolArray) -> bool:
    return all(
        np.count_nonzero(np.bincount(code[rows & (judged.y == outcome)]))
        >= LEAST_OF_A_CLASS
        for outcome in (0, 1)
    )


def _reaching(judged: Judged, place: IntArray, bins: int) -> dict[str, IntArray]:
    """Subjects by the last bin they have a row in, added up from the end."""
    names, code = np.unique(judged.subjects, return_inverse=True)
    last, positive = np.zeros(len(names), np.int64), np.zeros(len(names))
    np.maximum.at(last, code, place)
    np.maximum.at(positive, code, judged.y)

    def reach(chosen: BoolArray) -> IntArray:
        return np.cumsum(np.bincount(last[chosen], minlength=bins)[::-1])[::-1]

    return {
        "subjects_reaching": reach(np.ones(len(names), bool)),
        "positives_reaching": reach(positive == 1),
    }


def asked_repeatedly(judged: Judged, position: NDArray[Any]) -> bool:
    """Whether most subjects that get beyond their first question are asked again.

    Where each subject is asked once, a position says who a subject is, not when to
    ask: then nothing is said about waiting. Half of the rows must be of subjects that
    are asked at several positions.
    """
    _, code = np.unique(judged.subjects, return_inverse=True)
    low = np.full(code.max() + 1, np.inf)
    high = np.full(code.max() + 1, -np.inf)
    np.minimum.at(low, code, position)
    np.maximum.at(high, code, position)
    return bool(np.mean((low < high)[code]) >= 0.5)


def when_to_ask(bins: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The earliest bin whose AUC is within 0.02 of the best that most still reach.

    The best is the bin whose AUC is surest to be high, by the low end of its interval,
    so that the luck of a small bin does not set the mark. Only bins count that half of
    the subjects who turn positive get to: the few who stay longest are ranked best, but
    by then it is too late to ask the others.

    Args:
        bins: as ``moments`` gives them, with subjects_reaching of all in the first.

    Returns:
        best, earliest and highest (places in ``bins``; the last of all bins), and the
        shares of all subjects, and of the positive ones, that get as far as the
        earliest; None where no bin's interval is above 0.5.
    """
    known = [i for i, each in enumerate(bins) if each["auc_low"] > 0.5]
    enough_there = REACH * bins[0]["positives_reaching"]
    reached = [i for i in known if bins[i]["positives_reaching"] >= enough_there]
    if not reached:
        return None
    best = max(reached, key=lambda i: (bins[i]["auc_low"], -i))
    enough = bins[best]["auc"] - TOLERANCE
    earliest = next(i for i, each in enumerate(bins) if each["auc"] >= enough)
    first, there = bins[0], bins[earliest]
    return {
        "best": best,
        "earliest": earliest,
        "highest": max(known, key=lambda i: (bins[i]["auc_low"], -i)),
        "share_of_subjects": there["subjects_reaching"] / first["subjects_reaching"],
        "share_of_positives": there["positives_reaching"] / first["positives_reaching"],
    }
