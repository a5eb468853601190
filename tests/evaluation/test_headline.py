"""Sentences say what the numbers say."""

import pytest

from zap.evaluation.headline import (
    baseline_verdict,
    calibration_verdict,
    headline,
    summary_table,
)


def test_the_headline_is_one_sentence_with_all_that_matters(made_metrics):
    text = headline(made_metrics, "the test split")
    assert text.startswith("On the test split (2,000 examples of 2,000 subjects)")
    for key in ("auc", "auc_low", "auc_high", "ece", "ece_null_mean", "ece_null_95"):
        assert f"{made_metrics[key]:.3f}" in text
    assert f"{100 * made_metrics['base_rate']:.1f} %" in text
    assert text.count(". ") == 0
    assert text.endswith(".")


def test_the_headline_says_why_there_is_no_auc(one_class_metrics):
    text = headline(one_class_metrics)
    assert "all have the same outcome" in text
    assert "None" not in text


@pytest.mark.parametrize(
    ("ece", "good", "words"),
    [
        (0.01, True, "can be read as probabilities"),
        (0.03, True, "share its luck"),
        (0.05, False, "more than chance explains"),
    ],
)
def test_calibration_is_judged_by_its_null(ece, good, words):
    found = {"ece": ece, "ece_null_95": 0.02, "ece_null_95_by_subject": 0.04}
    assert calibration_verdict(found)[0] is good
    assert words in calibration_verdict(found)[1]


@pytest.mark.parametrize(
    ("low", "high", "better", "words"),
    [
        (0.01, 0.03, True, "ranks better than the simple baseline"),
        (-0.01, 0.03, False, "can't be told apart"),
        (-0.03, -0.01, False, "baseline ranks better"),
    ],
)
def test_the_baseline_is_beaten_only_if_the_interval_says_so(low, high, better, words):
    found = {
        "auc_difference": (low + high) / 2,
        "auc_difference_low": low,
        "auc_difference_high": high,
    }
    assert baseline_verdict(found)[0] is better
    assert words in baseline_verdict(found)[1]


def test_without_two_outcomes_nothing_is_compared(one_class_metrics):
    better, text = baseline_verdict(one_class_metrics["baseline"])
    assert not better
    assert "can't be compared" in text


def test_the_summary_is_a_table_of_texts(made_metrics, one_class_metrics):
    rows = dict(summary_table(made_metrics))
    assert rows["AUC"].startswith(f"{made_metrics['auc']:.3f} (")
    assert rows["Examples"] == "2,000 of 2,000 subjects"
    assert "AUC less baseline's" in rows
    assert "one outcome only" in dict(summary_table(one_class_metrics))["AUC"]
    without = {**made_metrics, "baseline": None}
    assert len(summary_table(without)) == len(rows) - 2
