"""One evaluation of classes: its agreement with the single metrics, its refusals."""

import json

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from zap.errors import BundleError, DatasetError
from zap.evaluation import curves, metrics
from zap.evaluation.bootstrap import auc_interval
from zap.evaluation.evaluate_classes import evaluate_classes

NAMES = ["none", "one", "several"]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([4, 1, 2], 900)
    y = (rng.random((900, 1)) > np.cumsum(p, axis=1)).sum(axis=1)
    weak = p + rng.dirichlet([1, 1, 1], 900)
    return y, p, weak / weak.sum(axis=1, keepdims=True), np.repeat(np.arange(300), 3)


@pytest.fixture(scope="module")
def found(rows):
    y, p, weak, subjects = rows
    before = np.sqrt(p) / np.sqrt(p).sum(axis=1, keepdims=True)
    return evaluate_classes(
        y, p, subjects, NAMES,
        p_uncalibrated=before, p_baseline=weak, draws=60, seed=3, baseline_name="weak",
    )  # fmt: skip


def test_it_is_strict_json_of_its_kind(found):
    assert found["kind"] == "classes"
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["n"], found["subjects"], found["draws"]) == (900, 300, 60)


def test_each_class_is_judged_against_the_others(rows, found):
    y, p, weak, subjects = rows
    assert [one["name"] for one in found["classes"]] == NAMES
    for own, one in enumerate(found["classes"]):
        happened = (y == own).astype(float)
        low_high = auc_interval(happened, p[:, own], subjects, draws=60, seed=3)
        assert (one["auc"], one["auc_low"], one["auc_high"]) == low_high
        assert one["auc"] == pytest.approx(roc_auc_score(happened, p[:, own]))
        baseline = roc_auc_score(happened, weak[:, own])
        assert one["auc_baseline"] == pytest.approx(baseline)
        assert one["base_rate"] == pytest.approx(happened.mean())
        assert one["mean_prediction"] == pytest.approx(p[:, own].mean())
        assert one["n"] == happened.sum()
        assert one["ece"] == metrics.ece(happened, p[:, own])
        assert one["calibration_curve"]["after"] == curves.calibration_curve(
            happened, p[:, own], subjects=subjects
        )


def test_the_whole_is_the_mean_over_the_classes(rows, found):
    y, p, weak, _ = rows
    expected = roc_auc_score(y, p, multi_class="ovr")
    assert found["auc_mean"] == pytest.approx(expected)
    assert found["auc_mean_low"] < expected < found["auc_mean_high"]
    assert found["log_loss"] == pytest.approx(log_loss(y, p))
    assert found["accuracy"] == pytest.approx((p.argmax(axis=1) == y).mean())
    assert found["log_loss_uncalibrated"] > found["log_loss"]
    assert found["ece"] <= found["ece_null_95"] <= found["ece_null_95_by_subject"]
    assert found["ece_null_95"] < found["ece_uncalibrated"]
    assert sum(map(sum, found["confusion"])) == 900
    baseline = found["baseline"]
    assert baseline["name"] == "weak"
    difference = expected - roc_auc_score(y, weak, multi_class="ovr")
    assert baseline["auc_difference"] == pytest.approx(difference)
    assert baseline["auc_difference_low"] > 0


def test_the_interval_of_the_mean_equals_resampling_by_hand(rows):
    y, p, _, subjects = rows
    found = evaluate_classes(y, p, subjects, NAMES, draws=30, seed=7)
    names, rng, drawn = np.unique(subjects), np.random.default_rng(7), []
    for _ in range(30):
        picked = names[rng.integers(0, len(names), len(names))]
        chosen = np.concatenate([np.flatnonzero(subjects == name) for name in picked])
        drawn.append(roc_auc_score(y[chosen], p[chosen], multi_class="ovr"))
    expected = np.quantile(drawn, [0.025, 0.975])
    interval = (found["auc_mean_low"], found["auc_mean_high"])
    np.testing.assert_allclose(interval, expected)
    assert found["baseline"] is found["ece_uncalibrated"] is None


def test_weights_equal_repeated_rows(rows):
    y, p, weak, _ = rows
    weight = np.random.default_rng(1).integers(1, 4, 200)
    again = np.repeat(np.arange(200), weight)
    subjects = np.arange(200)
    one = evaluate_classes(
        y[:200],
        p[:200],
        subjects,
        NAMES,
        weights=weight,
        p_baseline=weak[:200],
        draws=5,
    )
    two = evaluate_classes(
        y[again], p[again], subjects[again], NAMES, p_baseline=weak[again], draws=5
    )
    for key in ("log_loss", "accuracy", "auc_mean", "auc_mean_low", "ece"):
        assert one[key] == pytest.approx(two[key])
        assert one["baseline"][key] == pytest.approx(two["baseline"][key])


def test_a_class_that_did_not_happen_has_no_auc_and_the_rest_is_judged(rows):
    y, p, weak, subjects = rows
    found = evaluate_classes(
        np.minimum(y, 1), p, subjects, NAMES, p_baseline=weak, draws=5
    )
    assert found["classes"][2]["auc"] is None
    assert found["classes"][2]["base_rate"] == 0
    assert found["auc_mean"] is not None
    alone = evaluate_classes(0 * y, p, subjects, NAMES, p_baseline=weak, draws=5)
    assert alone["auc_mean"] is alone["baseline"]["auc_difference"] is None
    json.dumps(alone, allow_nan=False)


def test_what_cannot_be_judged_is_refused(rows):
    y, p, _, subjects = rows
    with pytest.raises(DatasetError, match="rows=0"):
        evaluate_classes([], np.zeros((0, 3)), [], NAMES)
    for wrong in (3, 0.5, np.nan):
        labels = np.where(np.arange(900) == 5, wrong, y)
        with pytest.raises(DatasetError, match=f"y={wrong:g}"):
            evaluate_classes(labels, p, subjects, NAMES)
    for bad in (p * 0.9, np.where(p > 0.9, np.nan, p), p - 0.5):
        with pytest.raises(BundleError, match="sum to 1"):
            evaluate_classes(y, bad, subjects, NAMES)
