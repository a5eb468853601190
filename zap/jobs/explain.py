"""What an evaluation says beyond one number for all: by slice, and by moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.datasets.visits import Visits
from zap.encoding.columns import FloatArray
from zap.evaluation.evaluate import without_nan
from zap.evaluation.groups import Judged
from zap.evaluation.moments import moments
from zap.evaluation.ranking import as_floats
from zap.evaluation.slices import slices


def explain(visits: Visits, p: FloatArray, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The metrics of groups of examples, of a question that is true or false.

    Args:
        visits: the examples, with their statistics and moments.
        p: calibrated probabilities of a positive; shape (cutoffs,).
        kinds: the manifest's ``statistics_kinds``.

    Returns:
        ``slices`` and ``moments``; see the modules of the same names.
    """
    judged = Judged(
        as_floats(visits.label),
        as_floats(p),
        visits.subjects_of_cutoffs(),
        as_floats(visits.weight),
    )
    found = {
        "slices": slices(judged, visits.statistics, kinds),
        "moments": moments(judged, visits.moment),
    }
    return dict(without_nan(found))
