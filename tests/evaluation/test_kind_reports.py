"""Reports of classes and amounts: complete, of one file, in words that fit."""

import re

import numpy as np
import pytest

from zap.evaluation import kind_plots, plots
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.evaluate_classes import evaluate_classes
from zap.evaluation.headline import headline, summary_table
from zap.evaluation.report import build_sections, write_report

NAMES = ["none", "one", "several"]


@pytest.fixture(scope="module")
def class_metrics():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([4, 1, 2], 900)
    y = (rng.random((900, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
    weak = 0.5 * p + 0.5 * rng.dirichlet([1, 1, 1], 900)
    return evaluate_classes(
        y, p, np.arange(900), NAMES, p_uncalibrated=p, p_baseline=weak, draws=30,
        baseline_name="weak model",
    )  # fmt: skip


@pytest.fixture(scope="module")
def amount_metrics():
    rng = np.random.default_rng(0)
    p = rng.gamma(0.5, 60, 900) + 1
    y = np.where(rng.random(900) < 0.5, p / 0.5 * rng.exponential(1, 900), 0)
    weak = p * rng.exponential(1, 900)
    return evaluate_amounts(
        y, p, np.arange(900), p_uncalibrated=0.8 * p, p_baseline=weak, draws=30,
        baseline_name="weak model",
    )  # fmt: skip


def text_of(path, metrics, facts):
    write_report(
        path, metrics, title="t", question="q?", facts=facts, pngs=path.parent / "p"
    )
    page = re.sub(r"(?s)<style>.*?</style>", "", path.read_text("utf-8"))
    assert page.count("<section") == page.count("</section>")
    assert not re.search(r"https?:", page)
    text = re.sub(r"<[^>]+>", " ", page)
    assert not re.search(r"\b(None|nan|inf)\b", text)
    return text


def test_a_report_of_classes(tmp_path, class_metrics, made_facts):
    text = text_of(tmp_path / "r.html", class_metrics, made_facts)
    assert headline(class_metrics, "the test split") in text.replace("&#x27;", "'")
    for one in class_metrics["classes"]:
        assert f"{one['auc']:.3f} ({one['auc_low']:.3f} to" in text
        assert f"Named {one['name']}" in text
    assert "weak model" in text and "mean AUC" in text
    charts = {path.name for path in (tmp_path / "p").iterdir()}
    assert charts == {"calibration.png", "ranking.png", "training.png"}


def test_a_report_of_amounts(tmp_path, amount_metrics, made_facts):
    text = text_of(tmp_path / "r.html", amount_metrics, made_facts)
    assert headline(amount_metrics, "the test split") in text
    for part in amount_metrics["segments"]:
        assert f"{part['relative_value']:.2f}x" in text
    for key in ("gini", "spearman"):
        assert f"{amount_metrics[key]:.3f}" in text
        assert f"{amount_metrics['baseline'][key]:.3f}" in text
    charts = {path.name for path in (tmp_path / "p").iterdir()}
    assert charts == {"calibration.png", "segments.png", "training.png"}


def test_the_terminal_s_rows_are_of_the_kind(class_metrics, amount_metrics):
    rows = dict(summary_table(class_metrics))
    assert rows["Log loss"] == f"{class_metrics['log_loss']:.3f}"
    assert {f"{name}: base rate, AUC" for name in NAMES} <= set(rows)
    rows = dict(summary_table(amount_metrics))
    assert rows["Mean amount, observed"] == f"{amount_metrics['mean_observed']:.2f}"
    assert f"{amount_metrics['ratio']:.3f}" in rows["Predicted over observed"]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.9, 1.1, "can be added up"), (1.01, 1.2, "above what"), (0.8, 0.99, "below")],
)
def test_totals_are_judged_by_their_interval(amount_metrics, low, high, words):
    metrics = {**amount_metrics, "ratio_low": low, "ratio_high": high}
    (section,) = [s for s in build_sections(metrics, {}) if s.anchor == "calibration"]
    assert words in section.body
    assert ("verdict warn" in section.body) is (words != "can be added up")


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.01, 0.1, "model explains more than"),
        (-0.1, 0.1, "be told apart"),
        (-0.2, -0.1, "baseline explains more"),
        (None, None, "be compared"),
    ],
)
def test_the_baseline_s_verdict_follows_its_interval(amount_metrics, low, high, words):
    name = "deviance_explained_difference"
    baseline = {
        **amount_metrics["baseline"],
        name: low,
        f"{name}_low": low,
        f"{name}_high": high,
    }
    sections = build_sections({**amount_metrics, "baseline": baseline}, {})
    (section,) = [s for s in sections if s.anchor == "baseline"]
    assert words in section.body


def test_what_is_not_defined_is_said_and_drawn_without(tmp_path, made_facts):
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 40)
    alone = evaluate_classes(np.zeros(40), p, np.arange(40), NAMES, draws=5)
    text = text_of(tmp_path / "a" / "r.html", alone, {})
    assert "all have the same outcome" in text
    nothing = evaluate_amounts(np.zeros(40), p[:, 0], np.arange(40), draws=5)
    text = text_of(tmp_path / "b" / "r.html", nothing, made_facts)
    assert "no ratio can be given" in text
    below = evaluate_amounts(
        p[:, 0] - 0.5, p[:, 0] - 0.5, np.arange(40), "identity", draws=5
    )
    text_of(tmp_path / "c" / "r.html", below, {})


def test_many_classes_are_drawn_as_the_commonest(class_metrics):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(8), 400)
    y = p.argmax(axis=1)
    names = [f"c{i}" for i in range(8)]
    found = evaluate_classes(y, p, np.arange(400), names, draws=5)
    (section, *_) = build_sections(found, {})
    assert "Drawn are the 5 commonest classes" in section.body
    assert len(names) == section.body.split("By class")[1].count("<tr>") - 1


def test_wide_amounts_are_drawn_on_logarithmic_axes(amount_metrics):
    curve = amount_metrics["calibration_curve"]
    (axes,) = kind_plots.amount_calibration_figure(curve).axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    drawn = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "o"]
    assert [bucket["mean_prediction"] for bucket in curve["after"]] in drawn
    narrow = [
        {**b, "mean_prediction": 5.0 + i, "mean_observed": 6.0 + i,
         "observed_low": 4.0 + i, "observed_high": 8.0 + i}
        for i, b in enumerate(curve["after"])
    ]  # fmt: skip
    (axes,) = kind_plots.amount_calibration_figure({"after": narrow}).axes
    assert axes.get_xscale() == "linear"


def test_charts_are_the_same_each_time(class_metrics):
    draw = kind_plots.class_calibration_figure
    first, second = (plots.to_svg(draw(class_metrics["classes"])) for _ in range(2))
    assert first == second
