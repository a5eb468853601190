"""Two numbers that put a mean amount right, fitted on one half, judged by the other.

Behind the log link mean' = scale * exp(a z + b), by the quasi-likelihood that trained
the model; behind the identity link mean' = centre + scale * (a z + b), by least
squares. In both, b makes the predicted total of the fitting half its observed total.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import LOG
from zap.encoding.columns import FloatArray
from zap.evaluation import amount_metrics
from zap.evaluation.ranking import weights_or_ones
from zap.training.calibration import GRADIENT_NORM, Judged, clearly_lower

_MOST_STEPS = 200


def fit_mean_scaling(
    plain: MeanScaling,
    outputs: ArrayLike,
    y: ArrayLike,
    weights: ArrayLike | None = None,
) -> MeanScaling | None:
    """Slope and offset of least mean loss, from 1 and 0.

    Args:
        plain: the scaling as trained.
        outputs: shape (n, 1), of the frozen model.
        y: amounts; shape (n,).
        weights: example weights, above 0; shape (n,).

    Returns:
        The scaling, with a gradient norm of at most 1e-6; None if there is no minimum:
        no examples, or no amount above 0 behind the log link.
    """
    amounts = (np.asarray(y, np.float64) - plain.centre) / plain.scale
    z = np.asarray(outputs, np.float64)[:, 0]
    weight = weights_or_ones(weights, len(z))
    inputs = np.column_stack([z, np.ones(len(z))])
    if not len(z):
        return None
    found: FloatArray | None
    if plain.link != LOG:
        root = np.sqrt(weight)
        scaled = inputs * root[:, None], amounts * root
        found = np.linalg.lstsq(*scaled, rcond=None)[0].astype(np.float64)
    elif amounts.min() < 0 or amounts.max() == 0:
        return None
    else:
        found = _poisson_minimum(inputs, amounts, weight)
    if found is None:
        return None
    slope, offset = found.tolist()
    return replace(plain, slope=slope, offset=offset)


def _poisson_minimum(
    inputs: FloatArray, amounts: FloatArray, weight: FloatArray
) -> FloatArray | None:
    found, total = np.array([1.0, 0.0]), weight.sum()
    for _ in range(_MOST_STEPS):
        mean = np.exp(np.minimum(inputs @ found, 80))
        gradient = inputs.T @ (weight * (mean - amounts)) / total
        if np.linalg.norm(gradient) <= GRADIENT_NORM:
            return found
        curvature = (inputs * (weight * mean)[:, None]).T @ inputs / total
        step = np.linalg.pinv(curvature, rcond=1e-12, hermitian=True) @ gradient
        found = _descended(inputs, amounts, weight, found, step)
    return None


def _descended(
    inputs: FloatArray,
    amounts: FloatArray,
    weight: FloatArray,
    found: FloatArray,
    step: FloatArray,
) -> FloatArray:
    """``found`` less the longest of step, step / 2, ... that raises no loss."""

    def loss(at: FloatArray) -> float:
        z = inputs @ at
        losses = np.exp(np.minimum(z, 80)) - amounts * z
        return float(np.average(losses, weights=weight))

    before = loss(found)
    for halving in range(40):
        lower: FloatArray = found - step / 2**halving
        if loss(lower) <= before:
            return lower
    return found


def calibrate_means(
    plain: MeanScaling,
    fit_outputs: ArrayLike,
    fit_labels: ArrayLike,
    judge_outputs: ArrayLike,
    judge_labels: ArrayLike,
    fit_weights: ArrayLike | None = None,
    judge_weights: ArrayLike | None = None,
    judge_subjects: ArrayLike | None = None,
) -> Judged:
    """Fits a recalibration on one half and keeps it if the other clearly improves.

    Args:
        plain: the scaling as trained.
        fit_outputs: shape (n, 1), of the frozen model on the first half.
        fit_labels: amounts; shape (n,).
        judge_outputs: shape (m, 1), of the frozen model on the other half.
        judge_labels: amounts; shape (m,).
        fit_weights: example weights of the first half; shape (n,).
        judge_weights: example weights of the other half; shape (m,).
        judge_subjects: whose row it is, of the other half; shape (m,).
    """
    y = np.asarray(judge_labels, np.float64)
    sizes = (len(np.asarray(fit_labels)), len(y))
    fitted = fit_mean_scaling(plain, fit_outputs, fit_labels, fit_weights)
    if fitted is None or not len(y):
        reason = "there is no best scaling: too few examples, or no amount above 0"
        return Judged(plain, False, reason, *sizes)
    before, after = plain.apply(judge_outputs), fitted.apply(judge_outputs)
    losses = [amount_metrics.deviances(y, p, plain.link) for p in (before, after)]
    weight = weights_or_ones(judge_weights, len(y))
    kept = clearly_lower(losses[0], losses[1], weight, judge_subjects)

    def mean(values: FloatArray) -> float:
        return float(np.average(values, weights=weight))

    return Judged(
        fitted if kept else plain,
        kept,
        f"the judging half's loss is {'' if kept else 'not clearly '}lower",
        *sizes,
        measures={
            "deviance_before": mean(losses[0]),
            "deviance_after": mean(losses[1]),
            "mean_observed": mean(y),
            "mean_before": mean(before),
            "mean_after": mean(after),
        },
    )
