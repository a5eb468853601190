"""One evaluation: its keys, its agreement with the single metrics, its refusals."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from zap.errors import BundleError, DatasetError
from zap.evaluation import curves, metrics
from zap.evaluation.bootstrap import auc_interval, paired_auc_difference
from zap.evaluation.evaluate import evaluate
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.evaluate_classes import evaluate_classes

KEYS = {
    "auc", "auc_low", "auc_high", "average_precision", "log_loss", "ece",
    "ece_null_mean", "ece_null_95", "ece_uncalibrated", "base_rate", "n", "segments",
    "top_decile_rate", "capture_top_20", "baseline",
}  # fmt: skip
BASELINE_KEYS = {
    "name", "auc", "auc_low", "auc_high", "average_precision", "log_loss", "ece",
    "auc_difference", "auc_difference_low", "auc_difference_high",
}  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    subjects = np.repeat(np.arange(400), 2)
    p = rng.beta(1, 3, 800)
    weak = np.clip(p + rng.normal(0, 0.2, 800), 0, 1)
    return (rng.random(800) < p).astype(float), p, weak, subjects


@pytest.fixture(scope="module")
def found(rows):
    y, p, weak, subjects = rows
    return evaluate(
        y, p, subjects, p_uncalibrated=np.sqrt(p), p_baseline=weak, draws=100, seed=3
    )


def test_the_promised_keys_are_there(found):
    assert set(found) >= KEYS
    assert set(found["baseline"]) == BASELINE_KEYS


def test_it_is_strict_json(found):
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_numbers_equal_the_single_metrics(rows, found):
    y, p, weak, subjects = rows
    assert found["auc"] == pytest.approx(roc_auc_score(y, p))
    assert (found["auc"], found["auc_low"], found["auc_high"]) == auc_interval(
        y, p, subjects, draws=100, seed=3
    )
    assert (found["n"], found["subjects"]) == (800, 400)
    assert found["base_rate"] == pytest.approx(y.mean())
    assert found["ece_uncalibrated"] == metrics.ece(y, np.sqrt(p))
    assert found["ece_uncalibrated"] > found["ece"] == metrics.ece(y, p)
    assert found["top_decile_rate"] == curves.top_rate(y, p)
    for part, values in (("after", p), ("before", np.sqrt(p))):
        expected = curves.calibration_curve(y, values, subjects=subjects)
        assert found["calibration_curve"][part] == expected
    baseline = found["baseline"]
    difference = paired_auc_difference(y, p, weak, subjects, draws=100, seed=3)
    assert difference == (
        baseline["auc_difference"],
        baseline["auc_difference_low"],
        baseline["auc_difference_high"],
    )
    assert baseline["log_loss"] == metrics.log_loss(y, weak)


def test_true_probabilities_have_an_error_within_the_null(found):
    assert found["ece"] <= found["ece_null_95"] <= found["ece_null_95_by_subject"]
    assert found["ece_null_mean"] < found["ece_null_95"]


def test_what_is_not_given_is_none(rows):
    y, p, _, subjects = rows
    found = evaluate(y, p, subjects, draws=10)
    assert found["baseline"] is None
    assert found["ece_uncalibrated"] is None
    assert found["calibration_curve"]["before"] is None


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_class_has_no_auc_and_is_still_json(rows, value):
    _, p, weak, subjects = rows
    y = np.full(800, value)
    found = evaluate(y, p, subjects, p_baseline=weak, draws=5)
    assert found["auc"] is found["auc_low"] is found["auc_high"] is None
    assert found["baseline"]["auc_difference"] is None
    assert found["base_rate"] == value
    json.dumps(found, allow_nan=False)


def test_a_single_row_is_evaluated():
    assert evaluate([1], [0.4], [7], draws=5)["n"] == 1


def test_the_same_seed_gives_the_same_numbers_in_any_order(rows):
    y, p, weak, subjects = rows
    order = np.random.default_rng(1).permutation(800)
    one = evaluate(y, p, subjects, p_baseline=weak, draws=20)
    two = evaluate(
        y[order], p[order], subjects[order], p_baseline=weak[order], draws=20
    )
    assert json.dumps(rounded(one)) == json.dumps(rounded(two))


def rounded(value):
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return round(value, 10) if isinstance(value, float) else value


def test_a_thousand_draws_unless_told(rows):
    y, p, _, subjects = rows
    assert evaluate(y, p, subjects)["draws"] == 1000
    assert evaluate(y, p, subjects, draws=7)["draws"] == 7


def test_nothing_to_evaluate_is_refused():
    with pytest.raises(DatasetError, match="rows=0"):
        evaluate([], [], [])


def test_amounts_as_labels_are_refused():
    with pytest.raises(DatasetError, match=r"y=2\.5"):
        evaluate([0, 1, 2.5], [0.1, 0.2, 0.3], [1, 2, 3])


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1])
def test_predictions_that_are_no_probabilities_are_refused(bad):
    with pytest.raises(BundleError, match="p_baseline="):
        evaluate([0, 1], [0.1, 0.2], [1, 2], p_baseline=[0.5, bad])


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_weights_are_above_0(rows, weight):
    """Else a bucket may weigh nothing, and a share be beyond 1."""
    y, p, _, subjects = rows
    weights = np.where(np.arange(len(y)) == 7, weight, 1.0)
    for judge in (
        lambda: evaluate(y, p, subjects, weights=weights),
        lambda: evaluate_amounts(y, p, subjects, weights=weights),
        lambda: evaluate_classes(
            y, np.stack([1 - p, p], axis=1), subjects, ("no", "yes"), weights=weights
        ),
    ):
        with pytest.raises(DatasetError, match="weights above 0"):
            judge()
