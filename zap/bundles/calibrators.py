"""The forms that a calibration has, one for each kind of label, and how one is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.bundles.calibrator import MatrixScaling
from zap.bundles.class_scaling import ClassScaling
from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import AMOUNT, CLASSES, Target

Calibrator = MatrixScaling | ClassScaling | MeanScaling
_OTHERS: dict[str, type[ClassScaling] | type[MeanScaling]] = {
    form.kind: form for form in (ClassScaling, MeanScaling)
}


def calibrator_from_dict(data: Mapping[str, Any]) -> Calibrator:
    """The calibration of a JSON object, whatever its kind.

    Raises:
        BundleError: it is none.
    """
    form = _OTHERS.get(str(data.get("kind")), MatrixScaling)
    return form.from_dict(data)


def uncalibrated(target: Target) -> Calibrator:
    """What gives the predictions of a model as it was trained."""
    if target.kind == CLASSES:
        return ClassScaling.identity(target.classes)
    if target.kind == AMOUNT:
        return MeanScaling(target.link, target.scale, target.centre)
    return MatrixScaling()


def plain(outputs: int) -> Calibrator:
    """A calibration that changes nothing, for a model of which no more is known."""
    if outputs == 1:
        return MeanScaling()
    if outputs == 2:
        return MatrixScaling()
    return ClassScaling.identity([str(number) for number in range(outputs)])
