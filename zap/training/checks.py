"""Checks that examples can be trained on, before anything costly begins."""

from __future__ import annotations

import numpy as np

from zap.bundles.kinds import SEQUENCE_KINDS
from zap.bundles.target import AMOUNT, BINARY, CLASSES, Target
from zap.datasets.visits import Visits
from zap.errors import TrainingError
from zap.training.config import ModelConfig

_FEWEST_OF_A_CLASS = 2
_YES_OR_NO = Target()


def check_settings(target: Target, config: ModelConfig) -> None:
    """Refuses settings that mean nothing for a kind of label.

    Raises:
        TrainingError: positives are weighted where there are none.
    """
    if target.kind != BINARY and config.positive_weight != 1.0:
        raise TrainingError(
            "Expected positive_weight=1.0: only labels that are true or false have "
            f"positives. Received: positive_weight={config.positive_weight!r}, label "
            f"kind={target.kind!r}. Leave the setting out; the generator's weight can "
            "weigh examples of any kind."
        )


def check_reads_events(config: ModelConfig) -> None:
    """Refuses a kind of model that this trainer does not know.

    Raises:
        TrainingError: the kind does not read events.
    """
    if config.kind not in SEQUENCE_KINDS:
        raise TrainingError(
            f"Expected a kind that reads events: {', '.join(SEQUENCE_KINDS)}. "
            f"Received: kind={config.kind!r}. Models of any kind are trained by "
            "zap.training.fit.fit."
        )


def check_examples(
    train: Visits, validation: Visits, target: Target = _YES_OR_NO
) -> None:
    """Refuses examples that no model of their kind can be trained on.

    Args:
        train: the examples to learn from.
        validation: the examples that stop the training.
        target: what their labels are.

    Raises:
        TrainingError: says which set is empty or has labels that cannot be learned.
    """
    for name, visits in (("training", train), ("validation", validation)):
        _check_some(name, visits)
        _check_labels(name, visits, target)
        check_weights(name, visits)
    if target.kind == BINARY:
        _check_positives("training", train)
    elif target.kind == CLASSES:
        _check_each_class("training", train, target.classes)
    else:
        _check_spread("training", train)


def check_amounts(name: str, visits: Visits) -> None:
    """Refuses amounts that are no numbers or, in training, all the same.

    Args:
        name: of the examples: "training" or "validation".
        visits: the examples.

    Raises:
        TrainingError: there is no example, or an amount is unusable.
    """
    _check_some(name, visits)
    _check_finite(name, visits)
    if name == "training":
        _check_spread(name, visits)


def _check_some(name: str, visits: Visits) -> None:
    if not visits.cutoffs:
        raise TrainingError(
            f"Expected {name} examples. Received: examples=0, visits={len(visits)}. "
            "Use more events, looser cutoffs or eligibility, or a larger share of "
            f"subjects for {name}."
        )


def _check_labels(name: str, visits: Visits, target: Target) -> None:
    if target.kind == AMOUNT:
        _check_finite(name, visits)
        return
    numbers = np.arange(target.outputs)
    known = np.isin(visits.label, numbers)
    if known.all():
        return
    other = visits.label[~known][0]
    if target.kind == BINARY:
        raise TrainingError(
            f"Expected labels 0 and 1 in the {name} examples of a question whose answer"
            f" is yes or no. Received: label={other:g}. Make the label true or false; "
            "an amount is sum(...) or count(...) without a comparison, or a method with"
            ' label_kind = "amount".'
        )
    raise TrainingError(
        f"Expected the numbers 0 to {len(numbers) - 1} of the classes "
        f"{', '.join(target.classes)} as labels of the {name} examples. Received: "
        f"label={other:g}. Generate the dataset again."
    )


def _check_finite(name: str, visits: Visits) -> None:
    wrong = visits.label[~np.isfinite(visits.label)]
    if len(wrong):
        raise TrainingError(
            f"Expected amounts that are finite in the {name} examples. Received: "
            f"label={wrong[0]:g} in {len(wrong):,} of {visits.cutoffs:,} examples. Let "
            "the label skip such values, or the mapping skip such rows."
        )


def _check_spread(name: str, visits: Visits) -> None:
    if visits.label.min() == visits.label.max():
        raise TrainingError(
            f"Expected amounts that differ, but all are the same in the {name} "
            f"examples. Received: amount={visits.label[0]:g}, "
            f"examples={visits.cutoffs}. Check the label's event, field and horizon, "
            "and that the events reach past the cutoffs."
        )


def check_weights(name: str, visits: Visits) -> None:
    """Refuses weights that are not above 0.

    Args:
        name: of the examples, such as "training".
        visits: the examples.

    Raises:
        TrainingError: a weight is 0 or less, or no number.
    """
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


def _check_each_class(name: str, visits: Visits, classes: tuple[str, ...]) -> None:
    counts = np.bincount(visits.label.astype(np.int64), minlength=len(classes))
    rare = [
        f"{known}={count}"
        for known, count in zip(classes, counts.tolist(), strict=True)
        if count < _FEWEST_OF_A_CLASS
    ]
    if rare:
        raise TrainingError(
            f"Expected at least {_FEWEST_OF_A_CLASS} {name} examples of each class: a "
            f"class that does not occur cannot be learned. Received: {', '.join(rare)} "
            f"of {visits.cutoffs:,} examples. Check that class's expression (the first "
            "that is true decides), or take it out of classes(...)."
        )
