"""What a search minimises: the loss of the calibrated model on the stopping half.

A weight of positives, dropout and early stopping all bend a model's probabilities, and
calibration straightens them again; so a trial is judged as its bundle would be: frozen,
then calibrated on the stopping half, by the very fit that ``zap train`` makes there.
Weighted losses of different weights would not compare, and a ranking alone would not
see worse probabilities. The judging half and the test split are never seen.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from zap.bundles.calibrators import Calibrator, uncalibrated
from zap.bundles.class_scaling import ClassScaling
from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import AMOUNT, BINARY, Target
from zap.encoding.columns import FloatArray
from zap.evaluation import amount_metrics
from zap.training.calibration import fit_matrix_scaling
from zap.training.class_calibration import fit_class_scaling
from zap.training.mean_calibration import fit_mean_scaling

_SMALLEST = float(np.finfo(np.float64).eps)


def calibrated(
    target: Target, logits: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None
) -> FloatArray:
    """Predictions after the best calibration on these very rows.

    Args:
        target: what the outputs stand for.
        logits: of the frozen model; shape (n, outputs).
        y: labels; shape (n,).
        weights: example weights; shape (n,).

    Returns:
        Probabilities of a yes or mean amounts, shape (n,); or probabilities of the K
        classes, shape (n, K). Uncalibrated where no best calibration exists.
    """
    plain = uncalibrated(target)
    fitted: Calibrator | None
    if isinstance(plain, ClassScaling):
        fitted = fit_class_scaling(logits, y, plain.classes, weights)
    elif isinstance(plain, MeanScaling):
        fitted = fit_mean_scaling(plain, logits, y, weights)
    else:
        fitted = fit_matrix_scaling(logits, y, weights)
    predictions: FloatArray = (fitted or plain).apply(logits)
    return predictions


def row_losses(target: Target, y: ArrayLike, p: ArrayLike) -> FloatArray:
    """The loss of each row: negative log likelihood, or the deviance of an amount.

    Args:
        target: what the labels are.
        y: labels; shape (n,).
        p: predictions as of ``calibrated``.
    """
    if target.kind == AMOUNT:
        return amount_metrics.deviances(y, p, target.link)
    number, predicted = np.asarray(y, np.int64), np.asarray(p, np.float64)
    if target.kind == BINARY:
        own = np.where(number == 1, predicted, 1 - predicted)
    else:
        own = predicted[np.arange(len(number)), number]
    return np.asarray(-np.log(np.clip(own, _SMALLEST, 1)))
