"""Matrix scaling fitted on one half of the validation subjects, judged on the other.

A weighted cross-entropy, early stopping and dropout all leave a model's probabilities a
little wrong; a linear map of the logits repairs most of it (paper, section 7.1). It is
kept only if it helps subjects that it was not fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from zap.bundles.calibrator import MatrixScaling
from zap.bundles.class_scaling import ClassScaling
from zap.bundles.mean_scaling import MeanScaling
from zap.datasets.visits import Visits
from zap.encoding.columns import BoolArray
from zap.errors import TrainingError
from zap.evaluation.metrics import auc, ece, log_loss
from zap.evaluation.ranking import as_floats, weights_or_ones

Float64 = NDArray[np.float64]

GRADIENT_NORM = 1e-6
_MOST_STEPS = 200
_HALVES_KEY = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Calibration:
    """A matrix scaling and what it did to the half that judges it.

    Attributes:
        scaling: what is to be applied; the identity if nothing better was found.
        kept: whether the fitted scaling is the one to apply.
        reason: why, in words.
        fitted_on: examples that it was fitted on.
        judged_on: examples that judged it.
        log_loss_before, log_loss_after: on the judging half.
        auc_before, auc_after: on the judging half; None if it has one class only.
        ece_before, ece_after: on the judging half.
    """

    scaling: MatrixScaling
    kept: bool
    reason: str
    fitted_on: int
    judged_on: int
    log_loss_before: float | None = None
    log_loss_after: float | None = None
    auc_before: float | None = None
    auc_after: float | None = None
    ece_before: float | None = None
    ece_after: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The calibration as a JSON object."""
        return {**asdict(self), "scaling": self.scaling.to_dict()}


@dataclass(frozen=True)
class Judged:
    """A calibration of classes or amounts and what it did to the judging half.

    Attributes:
        scaling: what is to be applied; one that changes nothing if none was better.
        kept: whether the fitted scaling is the one to apply.
        reason: why, in words.
        fitted_on: examples that it was fitted on.
        judged_on: examples that judged it.
        measures: on the judging half, before and after.
    """

    scaling: ClassScaling | MeanScaling
    kept: bool
    reason: str
    fitted_on: int
    judged_on: int
    measures: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The calibration as a JSON object."""
        return {
            "scaling": self.scaling.to_dict(),
            "kept": self.kept,
            "reason": self.reason,
            "fitted_on": self.fitted_on,
            "judged_on": self.judged_on,
            **self.measures,
        }


def halves(validation: Visits) -> tuple[Visits, Visits]:
    """The validation visits in two, by the hash of the subject.

    Early stopping and the fit see the first; the second only judges. The hash is
    multiplied and its top bit taken, so that a split that used its low bits or its
    remainder says nothing about the halves.

    Raises:
        TrainingError: there are fewer than two subjects.
    """
    judging = _second_half(validation.subject_hash)
    if judging.all() or not judging.any():
        # Few subjects may all fall on one side; then they are dealt out in turn.
        _, rank = np.unique(validation.subject_hash, return_inverse=True)
        judging = rank % 2 == 1
    if not judging.any():
        raise TrainingError(
            "Expected at least 2 validation subjects, one for each half. "
            f"Received: validation subjects={len(np.unique(validation.subject_hash))}."
            " Use more data or a larger share of subjects for validation."
        )
    return validation.take_visits(~judging), validation.take_visits(judging)


def _second_half(subject_hash: NDArray[np.int64]) -> BoolArray:
    mixed = subject_hash.astype(np.uint64) * _HALVES_KEY
    second: BoolArray = (mixed >> np.uint64(63)) == 1
    return second


def fit_matrix_scaling(
    logits: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None
) -> MatrixScaling | None:
    """W and b of least mean negative log likelihood, from W = I and b = 0.

    The loss is convex in the margin's three numbers (two weights, one bias), and the
    gradients of the two rows of W are each other's negatives; so the descent runs on
    those three and is shared out between the rows. Each step is scaled by the inverse
    of the curvature: the two logits are almost each other's negatives, along which
    plain gradient descent would need a million steps to reach the same minimum.

    Args:
        logits: shape (n, 2).
        y: shape (n,), 0 or 1.
        weights: example weights, above 0; shape (n,).

    Returns:
        The scaling, with a gradient norm of at most 1e-6; None if there is no minimum
        because the logits separate the classes, or there is one class only.
    """
    z, outcomes = np.asarray(logits, np.float64), np.asarray(y, np.float64)
    if len(np.unique(outcomes)) < 2:
        return None
    weight = weights_or_ones(weights, len(z))
    inputs, total = np.column_stack([z, np.ones(len(z))]), weight.sum()
    margin = np.array([-1.0, 1.0, 0.0])
    for _ in range(_MOST_STEPS):
        p = _sigmoid(inputs @ margin)
        gradient = inputs.T @ (weight * (p - outcomes)) / total
        # Each row of (W, b) has this gradient, once with either sign.
        if np.sqrt(2) * np.linalg.norm(gradient) <= GRADIENT_NORM:
            return (
                None if _separates(inputs @ margin, outcomes) else _shared_out(margin)
            )
        curvature = (inputs * (weight * p * (1 - p))[:, None]).T @ inputs / total
        step = np.linalg.pinv(curvature, rcond=1e-12, hermitian=True) @ gradient
        margin = _descended(inputs, outcomes, weight, margin, step)
    return None


def _separates(margin: Float64, y: Float64) -> bool:
    """Whether the sign of the margin is right everywhere.

    Then twice the margin is better still, and so on: a small gradient is no minimum.
    """
    return bool(np.all((margin > 0) == (y == 1)))


def _descended(
    inputs: Float64, y: Float64, weight: Float64, margin: Float64, step: Float64
) -> Float64:
    """``margin`` less the longest of step, step / 2, ... that raises no loss."""
    loss = _mean_loss(inputs @ margin, y, weight)
    for halving in range(40):
        lower: Float64 = margin - step / 2**halving
        if _mean_loss(inputs @ lower, y, weight) <= loss:
            return lower
    return margin


def _mean_loss(margin: Float64, y: Float64, weight: Float64) -> float:
    return float(np.average(np.logaddexp(0.0, margin) - y * margin, weights=weight))


def _sigmoid(margin: Float64) -> Float64:
    shrunk = np.exp(-np.abs(margin))
    probability: Float64 = np.where(margin >= 0, 1.0, shrunk) / (1.0 + shrunk)
    return probability


def _shared_out(margin: Float64) -> MatrixScaling:
    """The two rows whose difference is ``margin`` and whose mean is the identity's."""
    first, second, bias = (margin - np.array([-1.0, 1.0, 0.0])).tolist()
    return MatrixScaling(
        ((1.0 - first / 2, -second / 2), (first / 2, 1.0 + second / 2)),
        (-bias / 2, bias / 2),
    )


def clearly_lower(
    before: Float64,
    after: Float64,
    weights: ArrayLike | None = None,
    subjects: ArrayLike | None = None,
) -> bool:
    """Whether the mean loss falls by more than one standard error of the difference.

    Args:
        before: the loss of each row; shape (rows,).
        after: the same of the other model; shape (rows,).
        weights: example weights; shape (rows,).
        subjects: whose row it is; shape (rows,). The rows of a subject share its luck,
            so that the error is that of the subjects' sums; None: each row is its own.
    """
    gains, weight = before - after, weights_or_ones(weights, len(before))
    gain = np.average(gains, weights=weight)
    off = weight * (gains - gain)
    if subjects is not None:
        code = np.unique(np.asarray(subjects), return_inverse=True)[1]
        off = as_floats(np.bincount(code, off))
    if len(off) < 2:
        return False
    return bool(gain > np.sqrt(np.sum(off**2)) / weight.sum())


def _losses(y: NDArray[Any], p: Float64) -> Float64:
    right = np.clip(np.where(y == 1, p, 1 - p), np.finfo(np.float64).eps, 1)
    losses: Float64 = -np.log(right)
    return losses


def calibrate(
    fit_logits: ArrayLike,
    fit_labels: ArrayLike,
    judge_logits: ArrayLike,
    judge_labels: ArrayLike,
    fit_weights: ArrayLike | None = None,
    judge_weights: ArrayLike | None = None,
    judge_subjects: ArrayLike | None = None,
) -> Calibration:
    """Fits a matrix scaling on one half and keeps it if the other half improves.

    An improvement below its own standard error is none: on small halves such scalings
    are as often worse on new subjects as better. Examples count by their weights, as
    they did in training and do in a report: what the weights repair, a fit without
    them would undo.

    Args:
        fit_logits: shape (n, 2), of the frozen model on the first half.
        fit_labels: shape (n,), 0 or 1.
        judge_logits: shape (m, 2), of the frozen model on the other half.
        judge_labels: shape (m,), 0 or 1.
        fit_weights: example weights of the first half; shape (n,).
        judge_weights: example weights of the other half; shape (m,).
        judge_subjects: whose row it is, of the other half; shape (m,).
    """
    z, y = np.asarray(judge_logits), np.asarray(judge_labels)
    weight = weights_or_ones(judge_weights, len(y))
    sizes = {"fitted_on": len(np.asarray(fit_labels)), "judged_on": len(y)}
    fitted = (
        fit_matrix_scaling(fit_logits, fit_labels, fit_weights)
        if sizes["fitted_on"]
        else None
    )
    if fitted is None or not len(y):
        reason = "there is no best scaling: too few examples, or of one class only"
        return Calibration(MatrixScaling(), False, reason, **sizes)
    before, after = MatrixScaling().apply(z), fitted.apply(z)
    losses = log_loss(y, before, weight), log_loss(y, after, weight)
    rows = _losses(y, before), _losses(y, after)
    kept = clearly_lower(*rows, weight, judge_subjects)
    two_classes = len(np.unique(y)) == 2
    return Calibration(
        scaling=fitted if kept else MatrixScaling(),
        kept=kept,
        reason=f"the judging half's loss is {'' if kept else 'not clearly '}lower",
        log_loss_before=losses[0],
        log_loss_after=losses[1],
        auc_before=auc(y, before, weight) if two_classes else None,
        auc_after=auc(y, after, weight) if two_classes else None,
        ece_before=ece(y, before, weight),
        ece_after=ece(y, after, weight),
        **sizes,
    )
