"""From histories to cutoffs, labels and statistics: the heart of a generator's work.

The order is fixed: the rule's cutoffs, late events set apart, eligibility, the observed
range, labels. Every cutoff that goes is counted under its reason.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import numpy as np

from zap.encoding.columns import BoolArray, Cutoffs, Float32Array, FloatArray
from zap.encoding.rows import kept_mask
from zap.examples.evaluate import Context, numbers, statistic_columns
from zap.examples.generator import Generator
from zap.examples.late import without_late_events
from zap.examples.methods import Failure, Methods
from zap.examples.moments import moment_columns
from zap.examples.observed import ObservedRange
from zap.histories.batch import HistoryBatch
from zap.histories.visitors import in_own_history

BASELINE_COLUMNS = ("events", "age_seconds", "wait_seconds", "mean_gap_seconds")


@dataclass(frozen=True)
class Slices:
    """Cutoffs with their labels, on the histories that they index.

    Attributes:
        histories: the batch, with histories added for cutoffs that had late events.
        cutoffs: the examples' cutoffs, sorted by subject row and position.
        label: float32, shape (cutoffs,).
        weight: float32, shape (cutoffs,).
        statistics: float32 columns by name, each of shape (cutoffs,).
        baseline: float32 columns by name, each of shape (cutoffs,).
        moment: float32 columns by name, each of shape (cutoffs,).
        counts: cutoffs by what became of them.
        failures: subjects that a method raised on; they have no cutoffs.
    """

    histories: HistoryBatch
    cutoffs: Cutoffs
    label: Float32Array
    weight: Float32Array
    statistics: dict[str, Float32Array]
    baseline: dict[str, Float32Array]
    moment: dict[str, Float32Array]
    counts: Counter[str] = field(default_factory=Counter)
    failures: tuple[Failure, ...] = ()

    def select(self, keep: BoolArray) -> Slices:
        """The slices with only the cutoffs where ``keep`` is true."""

        def kept(columns: dict[str, Float32Array]) -> dict[str, Float32Array]:
            return {name: column[keep] for name, column in columns.items()}

        return replace(
            self,
            cutoffs=self.cutoffs.select(keep),
            label=self.label[keep],
            weight=self.weight[keep],
            statistics=kept(self.statistics),
            baseline=kept(self.baseline),
            moment=kept(self.moment),
        )


def slice_histories(
    generator: Generator, histories: HistoryBatch, observed: ObservedRange
) -> Slices:
    """All examples of a batch of histories, not yet encoded.

    Raises:
        GeneratorError: an expression reads a field that the events do not have, or a
            field of another kind.
    """
    found = past_cutoffs(generator, histories, observed)
    histories, cutoffs, counts = found.histories, found.cutoffs, found.counts
    context, methods = found.context, found.methods
    seen = is_observed(generator, context, cutoffs, observed)
    counts["cutoffs.dropped.censored"] = int((~seen).sum())
    cutoffs, stands_for = cutoffs.select(seen), found.weights[seen]
    labels = methods.labels(context, cutoffs)
    failed = np.isin(cutoffs.subject, methods.failed_rows(histories))
    counts["cutoffs.dropped.generator_error"] = int(failed.sum())
    counts["cutoffs.dropped.no_label"] = int((np.isnan(labels) & ~failed).sum())
    kept = ~np.isnan(labels) & ~failed
    cutoffs, labels, stands_for = cutoffs.select(kept), labels[kept], stands_for[kept]
    if not _in_order(cutoffs):
        order = np.lexsort((cutoffs.instant_us, cutoffs.position, cutoffs.subject))
        cutoffs, labels = cutoffs.select(order), labels[order]
        stands_for = stands_for[order]
    counts["cutoffs.examples"] = len(cutoffs)
    return Slices(
        histories,
        cutoffs,
        labels.astype(np.float32),
        _weights(generator, context, cutoffs, stands_for),
        statistic_columns(generator.statistics, context, cutoffs),
        baseline_columns(generator, context, cutoffs),
        moment_columns(generator, context, cutoffs),
        counts,
        tuple(methods.failures.values()),
    )


@dataclass(frozen=True)
class PastCutoffs:
    """Cutoffs as the past alone decides them: nothing of a label has been looked at.

    Attributes:
        context: the histories, with one added for each distinct set of late events.
        cutoffs: the cutoffs that are eligible, in the order of the rule.
        weights: float64, shape (cutoffs,): what each stands for by the rule, mostly 1.
        counts: cutoffs by what became of them so far.
        methods: the generator's own methods, with what they raised so far.
    """

    context: Context
    cutoffs: Cutoffs
    weights: FloatArray
    counts: Counter[str]
    methods: Methods

    @property
    def histories(self) -> HistoryBatch:
        """The histories that the cutoffs index."""
        return self.context.histories


def past_cutoffs(
    generator: Generator, histories: HistoryBatch, observed: ObservedRange
) -> PastCutoffs:
    """The first half of slicing: rule, the right history, late events, eligibility.

    Args:
        generator: the question.
        histories: the batch.
        observed: bounds the times at which rules may put cutoffs.

    Raises:
        GeneratorError: an expression reads a field that the events do not have, or a
            field of another kind.
    """
    counts: Counter[str] = Counter()
    methods = Methods(generator)
    cutoffs, weights, timed = _candidates(generator, methods, histories, observed)
    counts["cutoffs.candidates"] = len(cutoffs)
    own = in_own_history(histories, cutoffs, timed)
    counts["cutoffs.dropped.other_history"] = int((~own).sum())
    cutoffs, weights = cutoffs.select(own), weights[own]
    histories, cutoffs, late = without_late_events(histories, cutoffs, timed)
    counts["events.late"] = late
    context = Context(histories)
    for reason, keep in (("empty_past", _has_past), ("not_eligible", methods.eligible)):
        kept = keep(context, cutoffs)
        counts[f"cutoffs.dropped.{reason}"] = int((~kept).sum())
        cutoffs, weights = cutoffs.select(kept), weights[kept]
    return PastCutoffs(context, cutoffs, weights, counts, methods)


def _in_order(cutoffs: Cutoffs) -> bool:
    """Whether cutoffs are sorted by subject, position and instant; mostly they are."""
    subject, position = np.diff(cutoffs.subject), np.diff(cutoffs.position)
    later = (position > 0) | ((position == 0) & (np.diff(cutoffs.instant_us) >= 0))
    return bool(((subject > 0) | ((subject == 0) & later)).all())


def is_observed(
    generator: Generator, context: Context, cutoffs: Cutoffs, observed: ObservedRange
) -> BoolArray:
    """Whether all that a label looks at lies in the observed range; bool (cutoffs,)."""
    ends = cutoffs.instant_us + generator.observes_us()
    if generator.observes_session() and context.histories.session_gap_us is not None:
        ends = np.maximum(ends, context.session_known_us(cutoffs))
    return (cutoffs.instant_us >= observed.from_us) & (ends <= observed.until_us)


def baseline_columns(
    generator: Generator, context: Context, cutoffs: Cutoffs
) -> dict[str, Float32Array]:
    """Counts, recency and waits of each cutoff's past, for the simple baseline.

    Returns:
        ``events`` (of the kept types), ``age_seconds`` (from the first of them to the
        instant), ``wait_seconds`` (from the last) and ``mean_gap_seconds``; each
        float32, shape (cutoffs,), 0 where there is none.
    """
    histories = context.histories
    mask = kept_mask(generator.instance, histories)
    kept, before = np.flatnonzero(mask), np.concatenate(([0], np.cumsum(mask)))
    first, stop = before[histories.offsets][cutoffs.subject], before[cutoffs.position]
    times = np.append(histories.time_us[kept], 0)
    count = stop - first
    age = np.where(count > 0, cutoffs.instant_us - times[np.minimum(first, stop)], 0)
    wait = np.where(count > 0, cutoffs.instant_us - times[stop - 1], 0)
    gap = (age - wait) / np.maximum(count - 1, 1)
    values = (count, age / 1e6, wait / 1e6, gap / 1e6)
    return {
        name: np.asarray(value).astype(np.float32)
        for name, value in zip(BASELINE_COLUMNS, values, strict=True)
    }


def _has_past(context: Context, cutoffs: Cutoffs) -> BoolArray:
    return context.seen(cutoffs.subject, cutoffs.position)


def _weights(
    generator: Generator, context: Context, cutoffs: Cutoffs, stands_for: FloatArray
) -> Float32Array:
    if generator.weight is None:
        return stands_for.astype(np.float32)
    given = numbers(generator.weight, context, cutoffs, "weight")
    return (given * stands_for).astype(np.float32)


def _candidates(
    generator: Generator,
    methods: Methods,
    histories: HistoryBatch,
    observed: ObservedRange,
) -> tuple[Cutoffs, FloatArray, bool]:
    """The rule's cutoffs, what each stands for, and whether they lie at times."""
    context = Context(histories)
    if "is_cutoff" in methods.found:
        cutoffs = methods.cutoffs(context)
        return cutoffs, np.ones(len(cutoffs)), False
    rule = generator.rule()
    assert rule is not None
    cutoffs = rule.generate(context, observed)
    weights = rule.weights(context, cutoffs)
    return cutoffs, np.ones(len(cutoffs)) if weights is None else weights, rule.timed
