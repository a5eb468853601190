"""The calibration of each kind of label, behind one call."""

from __future__ import annotations

from numpy.typing import ArrayLike

from zap.bundles.calibrators import uncalibrated
from zap.bundles.class_scaling import ClassScaling
from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import Target
from zap.training.calibration import Calibration, Judged, calibrate
from zap.training.class_calibration import calibrate_classes
from zap.training.mean_calibration import calibrate_means


def calibrate_target(
    target: Target,
    fit_logits: ArrayLike,
    fit_labels: ArrayLike,
    judge_logits: ArrayLike,
    judge_labels: ArrayLike,
) -> Calibration | Judged:
    """Fits the calibration of a kind on one half; the other decides if it is kept.

    Args:
        target: what the outputs stand for.
        fit_logits: shape (n, outputs), of the frozen model on the first half.
        fit_labels: shape (n,).
        judge_logits: shape (m, outputs), of the frozen model on the other half.
        judge_labels: shape (m,).
    """
    halves = (fit_logits, fit_labels, judge_logits, judge_labels)
    plain = uncalibrated(target)
    if isinstance(plain, ClassScaling):
        return calibrate_classes(plain.classes, *halves)
    if isinstance(plain, MeanScaling):
        return calibrate_means(plain, *halves)
    return calibrate(*halves)
