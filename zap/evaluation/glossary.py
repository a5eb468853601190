"""The section of a report that says what its terms mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation.kinds import words_of
from zap.evaluation.page import Section, escape
from zap.evaluation.words import INTERVAL


def words(metrics: Mapping[str, Any]) -> Section:
    """What the terms of the report mean."""
    own = words_of(metrics)
    terms = own.TERMS if own else [
        ("Example", "One moment at which a prediction would have been made, and what "
         "then happened."),
        ("Positive", "An example for which the answer to the question is yes."),
        ("AUC", "The chance that a random positive gets a higher prediction than a "
         "random negative. It says nothing of the size of predictions."),
        ("Calibration error (ECE)", "How far predictions are from what happened, on "
         "average over 15 bins of equal width. Even a perfect model shows some by "
         "chance; that is why the null stands beside it."),
        INTERVAL,
        ("Relative odds", "The share of positives in a segment over that of all "
         "examples."),
        ("Average precision", "The share of positives among the examples above a "
         "limit, averaged over all limits; a model that knows nothing has the base "
         "rate."),
        ("Log loss", "How surprised the model is by what happened, on average; right "
         "and sure is near 0."),
    ]  # fmt: skip
    items = (
        f"<div><dt>{escape(term)}</dt><dd>{escape(meaning)}</dd></div>"
        for term, meaning in terms
    )
    return Section("words", "What the words mean", f"<dl>{''.join(items)}</dl>")
