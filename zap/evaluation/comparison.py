"""The section that sets a model beside the simple baseline, whatever it predicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from zap.evaluation.page import Section, paragraph, table

Metrics = Mapping[str, Any]
Measure: TypeAlias = tuple[str, str, Callable[[float | None], str]]


def beside_baseline(
    metrics: Metrics, verdict: tuple[bool, str], measures: Sequence[Measure]
) -> Section:
    """The model beside the simple baseline, on the same rows.

    Args:
        metrics: the evaluation; its ``baseline`` is not None.
        verdict: whether the model is better, and that in a sentence.
        measures: the name, the key and the notation of each number to compare.
    """
    better, said = verdict
    baseline = metrics["baseline"]
    rows = [
        [name, shown(metrics[key]), shown(baseline[key])]
        for name, key, shown in measures
    ]
    body = (
        paragraph(said, "verdict" if better else "verdict warn")
        + paragraph(
            f"The baseline is a {baseline['name']}: it sees how many events there "
            "were and when, but not what they were. What the model has over it is "
            "what reading the sequence earns."
        )
        + table(["", "Model", "Baseline"], rows)
    )
    return Section("baseline", "Does the model earn its keep?", body)
