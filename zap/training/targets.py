"""What a model's outputs shall stand for, from the label's schema and the examples.

Of amounts that are never below 0 the mean is modelled behind a logarithm, with Poisson
quasi-likelihood; where amounts below 0 occur (money back), as a plain sum with squared
error. ``docs/decisions/0009-losses-of-classes-and-amounts.md`` says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import AMOUNT, BINARY, CLASSES, IDENTITY, KINDS, LOG, Target
from zap.datasets.visits import Visits
from zap.encoding.columns import FloatArray
from zap.errors import TrainingError
from zap.training.checks import check_amounts

_LEAST_DISPERSION = 1e-6


def target_of(schema: Mapping[str, Any], train: Visits, validation: Visits) -> Target:
    """The target of a dataset's labels.

    Args:
        schema: ``label`` of the dataset's manifest.
        train: the examples to learn from; scale and centre are theirs.
        validation: looked at for amounts below 0.

    Raises:
        TrainingError: the kind is unknown, or the amounts cannot be learned.
    """
    kind = schema.get("kind")
    if kind not in KINDS:
        raise TrainingError(
            f"Expected labels of one of the kinds {', '.join(KINDS)}. Received: label "
            f"kind={kind!r}. Generate the dataset again with this version."
        )
    if kind == CLASSES:
        return Target(CLASSES, tuple(schema["classes"]))
    if kind == BINARY:
        return Target()
    check_amounts("training", train)
    check_amounts("validation", validation)
    return _amount_target(train, bool((validation.label < 0).any()))


def _amount_target(train: Visits, negative: bool) -> Target:
    amounts = train.label.astype(np.float64)
    mean = float(np.average(amounts, weights=train.weight))
    variance = float(np.average((amounts - mean) ** 2, weights=train.weight))
    if negative or amounts.min() < 0:
        return Target(AMOUNT, link=IDENTITY, centre=mean, scale=variance**0.5)
    dispersion = max(variance / mean**2, _LEAST_DISPERSION)
    return Target(AMOUNT, link=LOG, scale=mean, dispersion=dispersion)


def balanced(
    target: Target, outputs: ArrayLike, label: ArrayLike, weight: ArrayLike
) -> Target:
    """The target of amounts with which the predicted total is the observed one.

    The minimum of either loss has that property on the training examples; a model that
    stopped early, with dropout and averaged weights, is a little off it. A factor on
    the scale (log link), or an addition to the centre, puts it right.

    Args:
        target: of a model of amounts.
        outputs: shape (n, 1), of the frozen model on the training examples.
        label: amounts; shape (n,).
        weight: shape (n,).
    """
    amounts, weights = (np.asarray(part, np.float64) for part in (label, weight))
    plain = MeanScaling(target.link, target.scale, target.centre)
    means: FloatArray = plain.apply(outputs)
    observed, predicted = weights @ amounts, weights @ means
    if target.link == LOG:
        return replace(target, scale=float(target.scale * observed / predicted))
    shift = (observed - predicted) / weights.sum()
    return replace(target, centre=float(target.centre + shift))
