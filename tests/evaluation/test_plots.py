"""Charts are drawn from the metrics, the same each time, without a display."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from zap.errors import MissingExtraError
from zap.evaluation import plots


def figures(metrics):
    return [
        lambda: plots.calibration_figure(metrics["calibration_curve"]),
        lambda: plots.distribution_figure(metrics["distribution"]),
        lambda: plots.segments_figure(metrics["segments"]),
        lambda: plots.history_figure(
            [1, 2], {"train": [0.6, 0.5], "other": [0.6, 0.7]}
        ),
    ]


def test_svg_is_valid_and_the_same_each_time(made_metrics):
    for draw in figures(made_metrics):
        first, second = plots.to_svg(draw()), plots.to_svg(draw())
        assert first == second
        assert ET.fromstring(first).tag.endswith("svg")


def test_png_is_a_picture_for_slides(made_metrics):
    content = plots.to_png(figures(made_metrics)[2]())
    assert content.startswith(b"\x89PNG")
    assert int.from_bytes(content[16:20], "big") > 600  # pixels across


def test_the_calibration_chart_shows_both_curves(made_metrics):
    (axes,) = plots.calibration_figure(made_metrics["calibration_curve"]).axes
    labels = axes.get_legend_handles_labels()[1]
    assert set(labels) == {"exactly right", "before calibration", "after calibration"}
    after = made_metrics["calibration_curve"]["after"]
    drawn = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert [bucket["mean_prediction"] for bucket in after] in drawn


def test_the_segments_are_drawn_from_very_high_down(made_metrics):
    (axes,) = plots.segments_figure(made_metrics["segments"]).axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == [part["relative_odds"] for part in made_metrics["segments"]]
    heights = [bar.get_y() for bar in axes.patches]
    assert heights == sorted(heights, reverse=True)


def test_the_distribution_shows_each_group_as_a_whole(made_metrics):
    (axes,) = plots.distribution_figure(made_metrics["distribution"]).axes
    for group, name in zip(axes.patches, ("negatives", "positives"), strict=True):
        counts = np.array(made_metrics["distribution"][name])
        np.testing.assert_allclose(group.get_data().values, counts / counts.sum())


def test_the_best_epoch_is_marked():
    losses = {"learned from": [0.6, 0.5, 0.4], "held out": [0.6, 0.5, 0.7]}
    (axes,) = plots.history_figure([1, 2, 3], losses).axes
    (marked,) = [line for line in axes.lines if line.get_label() == "kept"]
    assert list(marked.get_xdata()) == [2, 2]


def test_one_class_and_few_rows_can_be_drawn(one_class_metrics):
    plots.to_svg(plots.calibration_figure(one_class_metrics["calibration_curve"]))
    plots.to_svg(plots.distribution_figure(one_class_metrics["distribution"]))


def test_a_missing_matplotlib_is_named_with_its_extra(monkeypatch, made_metrics):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"matplotlib.*\[train\]"):
        plots.segments_figure(made_metrics["segments"])


def test_nothing_heavy_is_imported_before_a_chart_is_drawn():
    code = (
        "import sys, zap.evaluation.report, zap.evaluation.evaluate;"
        "heavy = {'matplotlib', 'tensorflow', 'keras', 'apache_beam', 'sklearn',"
        " 'pyarrow'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
