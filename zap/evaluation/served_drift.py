"""Whether scores and inputs in service are distributed as they were in training.

Each distribution is a count of rows by bucket, and the distance is the population
stability index, PSI: the sum over buckets of (a - b) ln(a / b). Two samples of one
distribution differ too, so beside it stands what chance shows at these sizes. Sizes are
those of the subjects, since the rows of one hang together.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zap.encoding.columns import FloatArray
from zap.evaluation.ranking import as_floats

BUCKETS = 10
MOST_TEXTS = 10
OTHER, MISSING = "other", "none"
_DRAWS = 1000
_SMALL = 0.5  # added to each count: an empty bucket is no infinite distance


def psi(counts: ArrayLike, others: ArrayLike) -> float:
    """The population stability index of two counts over the same buckets."""
    ours, theirs = _shares(as_floats(counts)), _shares(as_floats(others))
    return float(np.sum((ours - theirs) * np.log(ours / theirs)))


def ks(counts: ArrayLike, others: ArrayLike) -> float:
    """The largest distance of the two cumulated shares, at the buckets' ends."""
    ours, theirs = (np.cumsum(each) / np.sum(each) for each in (counts, others))
    return float(np.abs(ours - theirs).max())


def psi_by_chance(
    shares: ArrayLike, size: int, other: int, share: float = 0.99, seed: int = 0
) -> tuple[float, float]:
    """What two samples of one distribution show: the mean PSI, and a quantile of it.

    Args:
        shares: of the distribution, by bucket.
        size: subjects in one sample.
        other: subjects in the other.
        share: of the quantile.
        seed: of the draws.
    """
    whole = as_floats(shares) / np.sum(shares)
    rng = np.random.default_rng(seed)
    ours = _shares(rng.multinomial(size, whole, _DRAWS).astype(np.float64))
    theirs = _shares(rng.multinomial(other, whole, _DRAWS).astype(np.float64))
    drawn = ((ours - theirs) * np.log(ours / theirs)).sum(axis=1)
    return float(drawn.mean()), float(np.quantile(drawn, share))


def drift(
    name: str,
    buckets: Sequence[str],
    counts: ArrayLike,
    reference: ArrayLike,
    subjects: int,
    reference_subjects: int,
) -> dict[str, Any]:
    """How far a distribution is from its reference.

    Args:
        name: what is distributed.
        buckets: their names.
        counts: rows in service, by bucket.
        reference: rows of the reference, by bucket.
        subjects: how many these rows are of.
        reference_subjects: how many those of the reference are of.

    Returns:
        name, psi, psi_chance (the mean by chance), psi_chance_99, ks, subjects,
        reference_subjects, and buckets with shares and reference_shares.
    """
    ours, theirs = as_floats(counts), as_floats(reference)
    mean, high = psi_by_chance(ours + theirs, subjects, reference_subjects)
    return {
        "name": name,
        "psi": psi(ours, theirs),
        "psi_chance": mean,
        "psi_chance_99": high,
        "ks": ks(ours, theirs),
        "subjects": subjects,
        "reference_subjects": reference_subjects,
        "buckets": list(buckets),
        "shares": (ours / ours.sum()).tolist(),
        "reference_shares": (theirs / theirs.sum()).tolist(),
    }


def drift_of_histogram(
    name: str,
    edges: Sequence[float],
    reference: ArrayLike,
    values: FloatArray,
    subjects: int,
    reference_subjects: int,
) -> dict[str, Any]:
    """How far values are from a histogram, whose bins are joined to about ten.

    A bin that alone holds a tenth of the reference stays a bucket of its own: scores
    of a rare outcome are nearly all in the first one, and what leaves it must be seen.

    Args:
        name: what is distributed.
        edges: of the bins; what lies beyond is in the outer ones.
        reference: rows by bin.
        values: shape (rows,).
        subjects: how many they are of.
        reference_subjects: how many the histogram is of.
    """
    inner = np.asarray(edges, np.float64)[1:-1]
    fine = as_floats(reference)
    bins = np.searchsorted(inner, values, side="right")
    counts = np.bincount(bins, minlength=len(fine))
    starts = _joined(fine)
    ends = [edges[at] for at in (*starts, len(fine))]
    shown = _apart_as_texts(ends)
    named = [_range_of(a, b, shown) for a, b in pairwise(ends)]
    ours, theirs = (np.add.reduceat(each, starts) for each in (counts, fine))
    filled = (ours + theirs) > 0
    kept = [label for label, some in zip(named, filled, strict=True) if some]
    sizes = subjects, reference_subjects
    return drift(name, kept, ours[filled], theirs[filled], *sizes)


def drift_of_values(
    name: str, values: Sequence[Any], reference: Sequence[Any]
) -> dict[str, Any] | None:
    """How far values are from others, one of each subject; None where none varies.

    Numbers go into tenths of the reference, a frequent one into a bucket of its own.
    Texts, and numbers of which the reference has few different ones, go into its ten
    most frequent and one bucket for all others. Those that are missing (None) have a
    bucket of their own.
    """
    known = [value for value in [*values, *reference] if value is not None]
    several = len({*map(_as_text, reference)}) > MOST_TEXTS
    if several and all(isinstance(value, int | float) for value in known):
        names, ours, theirs = _tenths(values, reference)
    else:
        names, ours, theirs = _texts(values, reference)
    filled = (ours + theirs) > 0
    if filled.sum() < 2:
        return None
    kept = [label for label, some in zip(names, filled, strict=True) if some]
    sizes = len(values), len(reference)
    return drift(name, kept, ours[filled], theirs[filled], *sizes)


def _tenths(
    values: Sequence[Any], reference: Sequence[Any]
) -> tuple[list[str], NDArray[Any], NDArray[Any]]:
    """Counts by tenths of the reference.

    A value that alone makes up a tenth is a bucket: the quantiles about it are all that
    value, and what is above it would be in one bucket with it.
    """
    known = np.array([value for value in reference if value is not None], np.float64)
    known += 0.0  # -0 becomes 0, which it is
    edges = np.quantile(known, np.linspace(0, 1, BUCKETS + 1)[1:-1])
    distinct, numbers = np.unique(known, return_counts=True)
    often = distinct[numbers >= len(known) / BUCKETS]
    after = np.nextafter(often, np.inf)
    edges = _apart(known, edges[edges > known.min()], {*often, *after})
    ends = [None, *edges.tolist(), None]
    above: dict[float | None, float] = dict(
        zip(after.tolist(), often.tolist(), strict=True)
    )
    shown = _apart_as_texts([*(set(edges.tolist()) - above.keys()), *often.tolist()])
    names = [*(_bucket_name(a, b, above, shown) for a, b in pairwise(ends)), MISSING]

    def counted(given: Sequence[Any]) -> NDArray[Any]:
        there = np.array([value for value in given if value is not None], np.float64)
        places = np.searchsorted(edges, there, side="right")
        counts = np.bincount(places, minlength=len(edges) + 1)
        return np.append(counts, len(given) - len(there))

    return names, counted(values), counted(reference)


def _apart(
    known: FloatArray, quantiles: FloatArray, needed: Collection[float]
) -> FloatArray:
    """Edges of buckets, of which those that need not be leave no sliver between two.

    Args:
        known: the values of the reference.
        quantiles: edges that may go.
        needed: edges that stay.
    """
    ordered, kept = np.sort(known), [-np.inf]
    for edge in sorted({*quantiles, *needed}):
        between = np.diff(np.searchsorted(ordered, [kept[-1], edge]))[0]
        if between < len(ordered) / (2 * BUCKETS):
            if edge not in needed:
                continue
            if len(kept) > 1 and kept[-1] not in needed:
                kept.pop()
        kept.append(edge)
    return np.array(kept[1:])


def _texts(
    values: Sequence[Any], reference: Sequence[Any]
) -> tuple[list[str], NDArray[Any], NDArray[Any]]:
    """Counts by the most frequent texts of the reference.

    What it has but once is not frequent: of values of which each is another one, such
    as the few amounts among many zeros, it has those that never come again, and all
    that come would seem to be new.
    """
    ours, theirs = _tally(values), _tally(reference)
    frequent = [text for text in theirs if text != MISSING and theirs[text] > 1]
    top = sorted(frequent, key=lambda text: (-theirs[text], text))[:MOST_TEXTS]
    names = [*top, OTHER, MISSING]

    def counted(tally: Mapping[str, int]) -> NDArray[Any]:
        known = [tally.get(text, 0) for text in top]
        missing = tally.get(MISSING, 0)
        return np.array([*known, sum(tally.values()) - sum(known) - missing, missing])

    return names, counted(ours), counted(theirs)


def _tally(values: Sequence[Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        text = MISSING if value is None else _as_text(value)
        counts[text] = counts.get(text, 0) + 1
    return counts


def _as_text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " / ".join(map(str, value))[:80]
    return f"{value + 0.0:g}" if isinstance(value, float) else str(value)[:80]


def _joined(counts: FloatArray) -> list[int]:
    """The first bin of each group of bins, about a tenth of the rows in each.

    A bin that alone holds a tenth is a group, so that what moves away from it is seen.
    """
    least = counts.sum() / BUCKETS
    starts, held = [0], 0.0
    for place, count in enumerate(counts.tolist()):
        left = counts[place:].sum()
        alone = place > 0 and max(count, counts[place - 1]) >= least
        if alone or (held >= least and left >= least):
            starts.append(place)
            held = 0.0
        held += count
    return starts


def _range_of(
    low: float | None, high: float | None, shown: Callable[[float], str]
) -> str:
    if low is None:
        return "all" if high is None else f"below {shown(high)}"
    if high is None:
        return f"{shown(low)} or more"
    return f"{shown(low)} to {shown(high)}"


def _bucket_name(
    low: float | None,
    high: float | None,
    above: Mapping[float | None, float],
    shown: Callable[[float], str],
) -> str:
    """A bucket's name; ``above`` has the values that end just below a bucket."""
    if high in above:
        return shown(above[high])
    if low not in above:
        return _range_of(low, high, shown)
    begun = f"above {shown(above[low])}"
    return begun if high is None else f"{begun}, below {shown(high)}"


def _apart_as_texts(numbers: Sequence[float]) -> Callable[[float], str]:
    """Writes numbers with as few digits as tell these apart, four at least."""
    distinct = len({*numbers})
    for digits in range(4, 17):
        if len({_short(number, digits) for number in numbers}) == distinct:
            break
    return partial(_short, digits=digits)


def _short(number: float, digits: int) -> str:
    if digits == 4 and abs(number) >= 1e4:
        return f"{number:,.0f}"
    return f"{number:,.{digits}g}"


def _shares(counts: FloatArray) -> FloatArray:
    raised = counts + _SMALL
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
