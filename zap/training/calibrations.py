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
    fit_weights: ArrayLike | None = None,
    judge_weights: ArrayLike | None = None,
    judge_subjects: ArrayLike | None = None,
) -> Calibration | Judged:
    """Fits the calibration of a kind on one half; the other decides if it is kept.

    Args:
        target: what the outputs stand for.
        fit_logits: shape (n, outputs), of the frozen model on the first half.
        fit_labels: shape (n,).
        judge_logits: shape (m, outputs), of the frozen model on the other half.
        judge_labels: shape (m,).
        fit_weights: example weights of the first half; shape (n,).
        judge_weights: example weights of the other half; shape (m,).
        judge_subjects: whose row it is, of the other half; shape (m,).
    """
    labelled = (fit_logits, fit_labels, judge_logits, judge_labels)
    halves = (*labelled, fit_weights, judge_weights, judge_subjects)
    plain = uncalibrated(target)
    if isinstance(plain, ClassScaling):
        return calibrate_classes(plain.classes, *halves)
    if isinstance(plain, MeanScaling):
        return calibrate_means(plain, *halves)
    return calibrate(*halves)
