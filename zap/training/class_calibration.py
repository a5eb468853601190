"""Matrix scaling of K classes: fitted on one half, kept if the other half improves.

The loss is that of an unpenalised multinomial logistic regression on the logits. Newton
steps, halved until the loss does not rise, reach its minimum in a few rounds where
plain gradient descent needs a million: the logits of a trained model are nearly
dependent on each other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zap.bundles.class_scaling import ClassScaling
from zap.encoding.columns import FloatArray, IntArray
from zap.evaluation import class_metrics
from zap.evaluation.ranking import weights_or_ones
from zap.training.calibration import GRADIENT_NORM, Judged, clearly_lower

MOST_CLASSES = 30  # beyond, K * K numbers say more of the half than of the model
_MOST_STEPS = 200
_SURE = 1e-3


def fit_class_scaling(
    logits: ArrayLike,
    y: ArrayLike,
    classes: tuple[str, ...],
    weights: ArrayLike | None = None,
) -> ClassScaling | None:
    """W and b of least mean negative log likelihood, from W = I and b = 0.

    Args:
        logits: shape (n, K).
        y: numbers of classes; shape (n,).
        classes: names of the K classes.
        weights: example weights, above 0; shape (n,).

    Returns:
        The scaling, with a gradient norm of at most 1e-6; None if there is no minimum
        because a class does not occur or the logits separate one from the others, or
        if there are more than 30 classes.
    """
    z, number = np.asarray(logits, np.float64), np.asarray(y, np.int64)
    size = len(classes)
    if size > MOST_CLASSES or len(np.unique(number)) < size:
        return None
    weight = weights_or_ones(weights, len(z))
    inputs, total = np.column_stack([z, np.ones(len(z))]), weight.sum()
    happened = np.eye(size)[number]
    found = np.column_stack([np.eye(size), np.zeros(size)])
    for _ in range(_MOST_STEPS):
        p = _softmax(inputs @ found.T)
        gradient = (weight[:, None] * (p - happened)).T @ inputs / total
        if np.linalg.norm(gradient) <= GRADIENT_NORM:
            return None if _separates(p, happened) else _scaling(classes, found)
        step = _newton_step(inputs, p, weight, gradient)
        lower = _descended(inputs, number, weight, found, step)
        if lower is None:
            return None
        found = lower
    return None


def _softmax(scores: FloatArray) -> FloatArray:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _newton_step(
    inputs: FloatArray, p: FloatArray, weight: FloatArray, gradient: FloatArray
) -> FloatArray:
    """The gradient times the pseudo-inverse of the curvature; shape of the gradient.

    The pseudo-inverse, since what is added to all rows of W alike changes nothing.
    """
    size, width, total = p.shape[1], inputs.shape[1], weight.sum()
    curvature = np.empty((size, width, size, width))
    for first in range(size):
        for second in range(first, size):
            curved = weight * p[:, first] * ((first == second) - p[:, second]) / total
            block = (inputs * curved[:, None]).T @ inputs
            curvature[first, :, second] = curvature[second, :, first] = block
    flat = curvature.reshape(size * width, size * width)
    inverse = np.linalg.pinv(flat, rcond=1e-12, hermitian=True)
    return np.asarray((inverse @ gradient.ravel()).reshape(gradient.shape))


def _descended(
    inputs: FloatArray,
    y: IntArray,
    weight: FloatArray,
    found: FloatArray,
    step: FloatArray,
) -> FloatArray | None:
    """``found`` less the longest of step, step / 2, ... that raises no loss."""
    loss = _mean_loss(inputs @ found.T, y, weight)
    for halving in range(40):
        lower: FloatArray = found - step / 2**halving
        if _mean_loss(inputs @ lower.T, y, weight) <= loss:
            return lower
    return None


def _mean_loss(scores: FloatArray, y: IntArray, weight: FloatArray) -> float:
    losses = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(y)), y]
    return float(np.average(losses, weights=weight))


def _separates(p: FloatArray, happened: FloatArray) -> bool:
    """Whether a class is told from the others without any doubt.

    Then larger numbers are better still, and so on: a small gradient is no minimum.
    """
    return bool((np.abs(p - happened).max(axis=0) < _SURE).any())


def _scaling(classes: tuple[str, ...], found: FloatArray) -> ClassScaling:
    weights = tuple(tuple(row) for row in found[:, :-1].tolist())
    return ClassScaling(classes, weights, tuple(found[:, -1].tolist()))


def calibrate_classes(
    classes: tuple[str, ...],
    fit_logits: ArrayLike,
    fit_labels: ArrayLike,
    judge_logits: ArrayLike,
    judge_labels: ArrayLike,
    fit_weights: ArrayLike | None = None,
    judge_weights: ArrayLike | None = None,
    judge_subjects: ArrayLike | None = None,
) -> Judged:
    """Fits a scaling on one half and keeps it if the other half clearly improves.

    Args:
        classes: names of the K classes.
        fit_logits: shape (n, K), of the frozen model on the first half.
        fit_labels: numbers of classes; shape (n,).
        judge_logits: shape (m, K), of the frozen model on the other half.
        judge_labels: numbers of classes; shape (m,).
        fit_weights: example weights of the first half; shape (n,).
        judge_weights: example weights of the other half; shape (m,).
        judge_subjects: whose row it is, of the other half; shape (m,).
    """
    plain = ClassScaling.identity(classes)
    z, y = np.asarray(judge_logits), np.asarray(judge_labels, np.int64)
    sizes = (len(np.asarray(fit_labels)), len(y))
    fitted = fit_class_scaling(fit_logits, fit_labels, classes, fit_weights)
    if fitted is None or not len(y):
        reason = (
            f"more than {MOST_CLASSES} classes: too many numbers to fit"
            if len(classes) > MOST_CLASSES
            else "there is no best scaling: too few examples, or a class is missing"
        )
        return Judged(plain, False, reason, *sizes)
    before, after = plain.apply(z), fitted.apply(z)
    rows = _losses(y, before), _losses(y, after)
    kept = clearly_lower(*rows, judge_weights, judge_subjects)
    return Judged(
        fitted if kept else plain,
        kept,
        f"the judging half's loss is {'' if kept else 'not clearly '}lower",
        *sizes,
        measures={
            "log_loss_before": class_metrics.log_loss(y, before, judge_weights),
            "log_loss_after": class_metrics.log_loss(y, after, judge_weights),
            "ece_before": class_metrics.confidence_ece(y, before, judge_weights),
            "ece_after": class_metrics.confidence_ece(y, after, judge_weights),
        },
    )


def _losses(y: NDArray[np.int64], p: FloatArray) -> FloatArray:
    own = p[np.arange(len(y)), y]
    return np.asarray(-np.log(np.clip(own, np.finfo(np.float64).eps, 1)))
