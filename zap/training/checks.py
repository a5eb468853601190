"""Checks that examples can be trained on, before anything costly begins."""

from __future__ import annotations

import numpy as np

from zap.datasets.visits import Visits
from zap.errors import TrainingError

_FEWEST_OF_A_CLASS = 2


def check_examples(train: Visits, validation: Visits) -> None:
    """Refuses examples that no binary model can be trained on.

    Args:
        train: the examples to learn from.
        validation: the examples that stop the training.

    Raises:
        TrainingError: says which set is empty, has one class only or is not binary.
    """
    for name, visits in (("training", train), ("validation", validation)):
        _check_binary(name, visits)
        _check_weights(name, visits)
    _check_positives("training", train)


def _check_binary(name: str, visits: Visits) -> None:
    if not visits.cutoffs:
        raise TrainingError(
            f"Expected {name} examples. Received: examples=0, visits={len(visits)}. "
            "Use more events, looser cutoffs or eligibility, or a larger share of "
            f"subjects for {name}."
        )
    if not np.isin(visits.label, (0, 1)).all():
        other = visits.label[~np.isin(visits.label, (0, 1))][0]
        raise TrainingError(
            f"Expected labels 0 and 1 in the {name} examples: this trainer is binary. "
            f"Received: label={other:g}. Turn the label into a yes-or-no question, "
            "for example an amount over a threshold."
        )


def _check_weights(name: str, visits: Visits) -> None:
    if not (np.isfinite(visits.weight) & (visits.weight > 0)).all():
        raise TrainingError(
            f"Expected weights above 0 in the {name} examples. "
            f"Received: least weight={float(np.min(visits.weight))!r}. "
            "Make the generator leave such examples out instead."
        )


def _check_positives(name: str, visits: Visits) -> None:
    positives = int(visits.label.sum())
    if positives < _FEWEST_OF_A_CLASS:
        what = "no positive labels" if not positives else "only one positive label"
        raise TrainingError(
            f"Expected examples of both classes, but there are {what} in the {name} "
            f"examples. Received: positives={positives}, examples={visits.cutoffs}. "
            "Check the label's event and horizon, and that the events reach past the "
            "cutoffs."
        )
    if visits.cutoffs - positives < _FEWEST_OF_A_CLASS:
        raise TrainingError(
            f"Expected examples of both classes, but all labels are positive in the "
            f"{name} examples. Received: positives={positives}, "
            f"examples={visits.cutoffs}. Check the label, and that it is not already "
            "true of all who are eligible."
        )
