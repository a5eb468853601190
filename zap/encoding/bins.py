"""Edges of linear and of power-law bins, and the places of values among them.

A value's place is that of the last edge at or below it (paper, section 2.3, listing
1); values outside go to the first or the last bin. Edges are computed once, when an
encoder is fitted, and then travel as numbers: a power computed on another machine may
differ in its last digit, and a value on an edge would change its bin.
"""

from __future__ import annotations

import math

import numpy as np

from zap.encoding.columns import FloatArray, IntArray
from zap.errors import EncodingError

_TOLERANCE = 1e-9  # 0.3 / 0.1 is 2.9999999999999996


def linear_edges(width: float, bins: int) -> FloatArray:
    """Edges 0, w, 2w, ...; shape (bins,).

    Raises:
        EncodingError: the width is not above 0, or there are fewer than 2 bins.
    """
    if not (math.isfinite(width) and width > 0):
        raise EncodingError(
            f"A bin's width must be a number above 0. Received: width={width!r}."
        )
    if bins < 2:
        raise EncodingError(f"At least 2 bins are needed. Received: bins={bins!r}.")
    return np.arange(bins, dtype=np.float64) * float(width)


def power_edges(
    step: float, linear_cutoff: float, cutoff: float, last: int
) -> FloatArray:
    """Edges that are linear up to a cutoff and grow as a power of their index after.

    With m = linear_cutoff / step: edge(i) = step i up to m and a i^b from m to n =
    ``last``, where a m^b = linear_cutoff and a n^b = cutoff (paper, formulas 2-4), so
    that b = ln(cutoff / linear_cutoff) / ln(n / m). Both cutoffs are met exactly.

    Args:
        step: width of the linear bins.
        linear_cutoff: where the linear bins end; a whole number of steps.
        cutoff: the last edge.
        last: index of the last edge.

    Returns:
        float64, shape (last + 1,), rising.

    Raises:
        EncodingError: the parameters contradict each other, or b would be below 1,
            so that bins shrank in the tail.
    """
    received = (
        f"Received: step={step!r}, linear_cutoff={linear_cutoff!r}, "
        f"cutoff={cutoff!r}, last={last!r}."
    )
    if not all(math.isfinite(number) for number in (step, linear_cutoff, cutoff)):
        raise EncodingError(f"Bin parameters must be finite numbers. {received}")
    if step <= 0:
        raise EncodingError(f"The step of power bins must be above 0. {received}")
    linear = round(linear_cutoff / step)
    if linear < 1 or abs(linear_cutoff / step - linear) > _TOLERANCE * linear:
        raise EncodingError(
            "The linear cutoff must be a whole number of steps, at least one. "
            f"{received} Make linear_cutoff a multiple of step."
        )
    if last <= linear:
        raise EncodingError(
            f"The last index must lie beyond the {linear} linear steps. {received} "
            f"Raise last above {linear}."
        )
    if cutoff <= linear_cutoff:
        raise EncodingError(
            f"The cutoff must lie above the linear cutoff. {received} Raise cutoff."
        )
    power = math.log(cutoff / linear_cutoff) / math.log(last / linear)
    if power < 1 - _TOLERANCE:
        most = math.floor(linear * cutoff / linear_cutoff + _TOLERANCE)
        raise EncodingError(
            f"The bins of the tail would shrink (b = {power:.3g}, at least 1 is "
            f"needed). {received} Lower last to {most} or below."
        )
    return _joined(step, linear_cutoff, cutoff, linear, last, power)


def _joined(
    step: float, linear_cutoff: float, cutoff: float, linear: int, last: int, b: float
) -> FloatArray:
    index = np.arange(last + 1)
    with np.errstate(over="ignore"):
        tail = linear_cutoff * (np.maximum(index, linear) / linear) ** b
    edges = np.where(index < linear, step * index, tail)
    edges[linear], edges[last] = linear_cutoff, cutoff
    check_edges(edges)  # parameters of absurd sizes leave the range of floats
    return edges


def check_edges(edges: FloatArray) -> None:
    """Refuse edges that are not at least two finite, rising numbers."""
    if len(edges) < 2 or not np.isfinite(edges).all() or (np.diff(edges) <= 0).any():
        raise EncodingError(
            "Edges must be at least two finite numbers, each above the one before. "
            f"Received: edges={edges.tolist()!r}."
        )


def place(values: FloatArray, edges: FloatArray) -> IntArray:
    """Index of the last edge <= each value, kept within the edges; no NaN allowed."""
    found = np.searchsorted(edges, values, "right") - 1
    return np.clip(found, 0, len(edges) - 1)


def share(values: FloatArray, edges: FloatArray) -> tuple[IntArray, FloatArray]:
    """Each value's place, and how far it is on the way to the next edge.

    Returns:
        int64 places, shape (n,), and float64 shares in [0, 1), 0 in the last place and
        for values outside the edges.
    """
    lower = place(values, edges)
    upper = np.minimum(lower + 1, len(edges) - 1)
    width = np.where(upper > lower, edges[upper] - edges[lower], 1.0)
    inside = np.clip(values, edges[0], edges[-1])
    return lower, (inside - edges[lower]) / width
