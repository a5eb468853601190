"""The chart of a search, whatever became of its trials."""

from __future__ import annotations

import pytest

from zap.evaluation.plots import to_png
from zap.evaluation.search_plots import search_figure

VALUES = [0.5, 0.6, None, 0.4, None]
STATES = ["complete", "complete", "pruned", "complete", "failed"]
TRIALS = [
    {"number": n, "state": state, "value": value, "base": n == 0}
    for n, (state, value) in enumerate(zip(STATES, VALUES, strict=True))
]


def test_the_best_so_far_the_start_and_what_ended_early() -> None:
    figure = search_figure(TRIALS, {"l2": 0.7, "units": 0.3})
    values, importances = figure.axes
    lines = {str(line.get_label()): line for line in values.get_lines()}
    assert list(lines["trial"].get_xdata()) == [0, 1, 3]
    assert list(lines["best"].get_ydata()) == [0.5, 0.5, 0.4]
    assert list(lines["start"].get_ydata()) == [0.5, 0.5]
    assert list(lines["pruned"].get_xdata()) == [2]
    assert list(lines["failed"].get_xdata()) == [4]
    widths = [bar.get_width() for bar in importances.patches]
    assert widths == [0.3, 0.7]
    assert to_png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("trials", [TRIALS, TRIALS[1:2], TRIALS[2:3]])
def test_few_trials_say_nothing_of_importance(trials: list) -> None:
    figure = search_figure(trials, {})
    assert "too few" in figure.axes[1].texts[0].get_text()
    assert to_png(figure).startswith(b"\x89PNG")
