"""Charts of versions: what is drawn are the numbers that were given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs extra: train")

from matplotlib.dates import date2num

from zap.evaluation.evaluate import evaluate
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.version_plots import (
    Change,
    Point,
    comparison_figure,
    versions_figure,
)

START = datetime(2026, 3, 2, tzinfo=UTC)


def judged(seed: int) -> dict:
    rng = np.random.default_rng(seed)
    p = rng.uniform(0.05, 0.95, 400)
    return evaluate(rng.random(400) < p, p, np.arange(400), draws=50)


def test_two_versions_side_by_side() -> None:
    pair = [judged(1), judged(2)]
    figure = comparison_figure(["old", "new"], pair)
    curves, auc, precision, error, loss = figure.axes
    for line, metrics in zip(curves.lines[1::3], pair, strict=False):
        rates = [b["positive_rate"] for b in metrics["calibration_curve"]["after"]]
        assert line.get_ydata().tolist() == rates
    for place, metrics in enumerate(pair):
        low, high = auc.get_ylim()
        assert low < metrics["auc_low"] and metrics["auc_high"] < high
        for axes, key in ((precision, "average_precision"), (loss, "log_loss")):
            assert axes.patches[place].get_height() == metrics[key]
        assert error.patches[place].get_height() == metrics["ece"]
        chance = error.collections[place].get_segments()[0]
        assert (chance[:, 1] == metrics["ece_null_95"]).all()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["old", "new"]


def test_amounts_have_panels_of_their_own() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(1, 9, 300)
    pair = [
        evaluate_amounts(rng.poisson(p).astype(float), p, np.arange(300), "log")
        for _ in range(2)
    ]
    titles = [axes.get_title() for axes in comparison_figure(["a", "b"], pair).axes]
    assert titles == ["Gini", "RMSE", "deviance\nexplained"]


def points(count: int) -> list[Point]:
    return [
        Point(f"v{n}", START + timedelta(days=7 * n), 0.7 + n / 100, 0.65, 0.85, n != 1)
        for n in range(count)
    ]


def test_the_line_is_that_of_the_live_version() -> None:
    shown = points(3)
    hours = timedelta(hours=2)
    changes = [
        Change(shown[0].when + hours, "deploy", 0.7),
        Change(shown[2].when + hours, "deploy", 0.72),
        Change(shown[2].when + 2 * hours, "revert", 0.7),
    ]
    figure = versions_figure(shown, changes, "AUC")
    axes = figure.axes[0]
    step = next(one for one in axes.lines if one.get_label() == "the live version")
    assert step.get_drawstyle() == "steps-post"
    assert step.get_ydata().tolist() == [0.7, 0.72, 0.7, 0.7]
    moments = [date2num(change.when) for change in changes]
    assert date2num(step.get_xdata()).tolist()[:3] == moments
    assert {text.get_text() for text in axes.texts} == {"v0", "v1", "v2"}
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "a version that never was" in labels and "reverted to" in labels


@pytest.mark.parametrize("count", [1, 40])
def test_one_version_or_many_without_deployments(count: int) -> None:
    figure = versions_figure(points(count), [], "AUC")
    assert len(figure.axes[0].texts) == (1 if count == 1 else 0)
    low, high = figure.axes[0].get_xlim()
    assert low < date2num(START) < high
