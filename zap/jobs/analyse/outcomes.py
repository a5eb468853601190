"""What happened after each prediction: the generator's own label, at its own moment.

It is the code that labels a training's examples, asked at the logged moments in place
of the rule's. Who is eligible there is told beside it and not left out: the site asked,
and was answered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from zap.encoding.columns import (
    BoolArray,
    Cutoffs,
    Float32Array,
    FloatArray,
    IntArray,
)
from zap.examples.evaluate import Context, statistic_columns
from zap.examples.generator import Generator
from zap.examples.late import without_late_events
from zap.examples.methods import Methods
from zap.examples.moments import moment_columns
from zap.examples.slicing import is_observed
from zap.histories.batch import HistoryBatch
from zap.jobs.analyse.archive import Archive
from zap.jobs.analyse.logged import NO_SUBJECT, Predictions
from zap.jobs.analyse.placing import place

ELIGIBLE = "eligible"


@dataclass(frozen=True)
class Outcomes:
    """Predictions with what became of them.

    Attributes:
        matured: int64: the predictions whose outcome is known, ascending.
        label: float64, shape (matured,).
        statistics: float32 columns by name, each of shape (matured,).
        kinds: ``bool`` for those of them that are true or false.
        moment: float32 columns by name, each of shape (matured,).
        immature: int64: those whose label window is not wholly observed, ascending.
        overdue: how many of these should be known, by the log's own newest time: the
            archive is behind.
        placed: int64: all predictions that have a place in a history, ascending.
        histories: the histories that ``cutoffs`` index.
        cutoffs: that place, of each of ``placed``.
        counts: predictions by what became of them.
        subjects_lost: predictions of a subject that the archive does not have.
    """

    matured: IntArray
    label: FloatArray
    statistics: dict[str, Float32Array]
    kinds: dict[str, str]
    moment: dict[str, Float32Array]
    immature: IntArray
    overdue: int
    placed: IntArray
    histories: HistoryBatch
    cutoffs: Cutoffs
    counts: Counter[str]
    subjects_lost: int


def outcomes_of(
    generator: Generator, archive: Archive, predictions: Predictions
) -> Outcomes:
    """Join predictions with what the archive says of later.

    Args:
        generator: the question.
        archive: the histories of the subjects.
        predictions: the log's.

    Raises:
        GeneratorError: an expression reads a field that the events do not have.
    """
    counts: Counter[str] = Counter()
    timed = bool(generator.instance.wait)
    cutoffs, known, passed = place(
        Context(archive.histories), archive.rows, predictions, timed
    )
    lost = _count_lost(archive, predictions, known, passed, counts)
    placed = np.flatnonzero(passed)
    histories, cutoffs, late = without_late_events(
        archive.histories, cutoffs.select(placed), timed
    )
    counts["events.late"] = late
    context, methods = Context(histories), Methods(generator)
    seen = is_observed(generator, context, cutoffs, archive.observed)
    early = cutoffs.instant_us < archive.observed.from_us
    counts["predictions.dropped.before_the_archive"] = int(early.sum())
    immature = placed[~seen & ~early]
    asked = cutoffs.select(seen)
    labels = methods.labels(context, asked)
    failed = np.isin(asked.subject, methods.failed_rows(histories))
    none = np.isnan(labels) & ~failed
    counts["predictions.dropped.generator_error"] = int(failed.sum())
    counts["predictions.dropped.no_label"] = int(none.sum())
    good = ~np.isnan(labels) & ~failed
    judged = asked.select(good)
    counts["predictions.matured"] = len(judged)
    counts["predictions.immature"] = len(immature)
    statistics, kinds = _statistics(generator, methods, context, judged)
    return Outcomes(
        placed[seen][good],
        labels[good],
        statistics,
        kinds,
        moment_columns(generator, context, judged),
        immature,
        _overdue(generator, predictions, immature),
        placed,
        histories,
        cutoffs,
        counts,
        lost,
    )


def _count_lost(
    archive: Archive,
    predictions: Predictions,
    known: BoolArray,
    passed: BoolArray,
    counts: Counter[str],
) -> int:
    """Count predictions without a place by reason; those of subjects not found.

    Of whom nobody knew anything, the archive need not know either.
    """
    nameless = predictions.subject == NO_SUBJECT
    seen = np.array([name in archive.seen for name in predictions.subjects] + [False])
    met = seen[predictions.subject]
    left_out = met & ~known
    nothing = ~nameless & ~passed & ~left_out & predictions.empty
    lost = ~nameless & ~passed & ~left_out & ~nothing
    for reason, which in (
        ("no_subject", nameless),
        ("no_events", nothing),
        ("left_out_of_histories", ~nameless & left_out),
        ("not_in_archive", lost & ~met),
        ("no_past_in_archive", lost & met),
    ):
        counts[f"predictions.dropped.{reason}"] = int(which.sum())
    return int(lost.sum())


def _statistics(
    generator: Generator, methods: Methods, context: Context, cutoffs: Cutoffs
) -> tuple[dict[str, Float32Array], dict[str, str]]:
    """The generator's statistics, and eligibility where not all are eligible."""
    columns = statistic_columns(generator.statistics, context, cutoffs)
    kinds: dict[str, str] = {
        name: expr.kind for name, expr in generator.statistics.items()
    }
    eligible = methods.eligible(context, cutoffs)
    if not eligible.all():
        columns[ELIGIBLE] = eligible.astype(np.float32)
        kinds[ELIGIBLE] = "bool"
    return columns, kinds


def _overdue(generator: Generator, predictions: Predictions, immature: IntArray) -> int:
    """Immature predictions that would be known if the archive reached to the log's end.

    A session ends at the earliest one inactivity gap after the instant; that is what
    counts for it.
    """
    reach = generator.observes_us()
    if generator.observes_session() and generator.session is not None:
        reach = max(reach, (generator.session.gap_us or 0) + 1)
    due = predictions.instant_us[immature] + reach
    return int((due <= predictions.time_us.max()).sum())
