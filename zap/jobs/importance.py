"""The importance of an instance's fields to a frozen model."""

from __future__ import annotations

from typing import Any

from zap.datasets.visits import Visits
from zap.encoding.encoder import Encoder
from zap.evaluation.importance import fields_of, importance
from zap.serving.scorer import Scorer


def field_importance(
    scorer: Scorer, encoder: Encoder, visits: Visits
) -> dict[str, Any] | None:
    """What the model loses without each field; see ``zap.evaluation.importance``.

    Args:
        scorer: the frozen model with its calibration.
        encoder: what made the examples; it names the fields.
        visits: the judged examples.

    Returns:
        The numbers, or None where the examples do not say which field made what: only
        those of a test split do.
    """
    fields = fields_of(encoder.event_sources, encoder.metadata_sources)
    return importance(visits, scorer.probabilities, fields)
