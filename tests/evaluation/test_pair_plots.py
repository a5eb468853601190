"""The chart of two versions: what is drawn are the numbers that were given."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="needs extra: train")

from zap.evaluation.evaluate import evaluate
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.pair_plots import comparison_figure


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
