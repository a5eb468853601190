"""Charts of versions: what is drawn are the numbers that were given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

pytest.importorskip("matplotlib", reason="needs extra: train")

from matplotlib.dates import date2num

from zap.evaluation.version_plots import (
    Change,
    Point,
    versions_figure,
)

START = datetime(2026, 3, 2, tzinfo=UTC)


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
