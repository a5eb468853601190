"""Scores of now against training: the shares that the console draws."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zap.evaluation.evaluate import evaluate
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.evaluate_classes import evaluate_classes
from zap.serving.ui.analysis import LARGEST_BYTES, Analyses
from zap.serving.ui.scores import counts_of, now_of, training_of

ROWS = 400
RNG = np.random.default_rng(11)
P = RNG.beta(1, 8, ROWS)
Y = (RNG.random(ROWS) < P).astype(float)
SUBJECTS = np.arange(ROWS)


def test_of_a_yes_or_no_training_and_now_are_in_the_same_bins() -> None:
    training = training_of(evaluate(Y, P, SUBJECTS, draws=5))
    assert training["n"] == ROWS
    assert training["base_rate"] == pytest.approx(Y.mean())
    assert sum(training["shares"]) == pytest.approx(1)
    again = now_of(training, P.tolist())
    assert again["shares"] == pytest.approx(training["shares"])
    assert again["mean"] == pytest.approx(training["mean"])
    few = RNG.beta(1, 3, 50)
    shown = np.minimum(few, training["edges"][-1])
    wanted = np.histogram(shown, training["edges"])[0] / 50
    assert now_of(training, few.tolist())["shares"] == pytest.approx(wanted.tolist())


def test_of_amounts_the_bins_lie_between_the_quantiles_of_training() -> None:
    means = RNG.gamma(2.0, 10.0, ROWS)
    amounts = RNG.poisson(means).astype(float)
    metrics = evaluate_amounts(amounts, means, SUBJECTS, draws=5)
    training = training_of(metrics)
    assert training["shares"] == pytest.approx(
        [0.01, 0.04, 0.2, 0.25, 0.25, 0.2, 0.04, 0.01]
    )
    again = now_of(training, means.tolist())
    assert again["shares"] == pytest.approx(training["shares"], abs=2 / ROWS)
    assert again["n"] == ROWS and again["mean"] == pytest.approx(means.mean())


def test_of_amounts_that_are_mostly_one_number_a_share_is_kept_whole() -> None:
    quantiles = {"1": 0.0, "25": 0.0, "50": 0.0, "75": 3.0, "95": 9.0, "99": 9.0}
    training = training_of({"kind": "amount", "quantiles": {"predicted": quantiles}})
    assert training["edges"] == [0.0, 3.0, 9.0]
    assert training["shares"] == pytest.approx([0.5, 0.25, 0.24, 0.01])


def test_of_classes_mean_probabilities_are_told() -> None:
    p = RNG.dirichlet([1, 2, 3], ROWS)
    y = np.array([RNG.choice(3, p=row) for row in p])
    names = ["gold", "silver", "none"]
    training = training_of(evaluate_classes(y, p, SUBJECTS, names, draws=5))
    assert training["names"] == names
    assert training["shares"] == pytest.approx(p.mean(axis=0).tolist())
    rows = [tuple(row) for row in p[:20].tolist()]
    found = now_of(training, [*rows, (0.5, 0.5), 0.3])
    assert found["n"] == 20
    assert found["shares"] == pytest.approx(p[:20].mean(axis=0).tolist())


def test_without_predictions_or_bins_nothing_is_made_up() -> None:
    training = training_of(evaluate(Y, P, SUBJECTS, draws=5))
    assert now_of(training, []) == {"n": 0, "shares": None, "mean": None}
    older = training_of({"n": 5, "base_rate": 0.2})
    assert older["shares"] is None
    assert now_of(older, [0.5])["shares"] is None


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_those_of_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inner = sorted(rng.random(6).tolist())
    values = [*rng.random(200).tolist(), *inner]
    bounds = [-np.inf, *inner, np.inf]
    pairs = list(pairwise(bounds))
    wanted = [sum(low <= value < high for value in values) for low, high in pairs]
    assert counts_of(inner, values) == wanted


WHOLE = {
    "made_at": "2026-02-03T04:05:06+00:00",
    "matured": {"n": 2, "base_rate": 0.5, "auc": 1.0, "ece": 0.1, "curve": [[1, 0, 2]]},
    "immature": {"n": 1, "expected": 0.5, "expected_low": 0, "expected_high": 1},
    "alarms": [
        "late",
        {"name": "ece", "said": "too high", "rings": True},
        {"name": "drift", "said": "as it was", "rings": False},
    ],
}


def written(folder: Path, content: str) -> dict[str, Any]:
    path = folder / "shop" / "analysis.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return Analyses(folder).of("shop")


def test_an_analysis_is_passed_on(tmp_path: Path) -> None:
    found = written(tmp_path, json.dumps(WHOLE))
    assert found == {"state": "there", **WHOLE, "alarms": ["late", "too high"]}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"made_at": 1, "matured": 5}',
        '{"made_at": 1, "matured": {"curve": [[1, 2]]}}',
        '{"made_at": 1, "matured": {"curve": [[1, "<b>", 3]]}}',
        '{"made_at": 1, "matured": {"curve": [[NaN, 1, 3]]}}',
        "[" * 200_000,
        " " * (LARGEST_BYTES + 1),
    ],
)
def test_a_damaged_analysis_is_told(tmp_path: Path, content: str) -> None:
    found = written(tmp_path, content)
    assert found["state"] == "unreadable" and found["said"]


def test_a_number_that_is_none_stays_none(tmp_path: Path) -> None:
    matured = {"n": 0, "base_rate": None, "auc": float("nan"), "curve": []}
    found = written(tmp_path, json.dumps({"made_at": None, "matured": matured}))
    assert found["matured"] == {
        "n": 0,
        "base_rate": None,
        "auc": None,
        "ece": None,
        "curve": [],
    }
    assert set(found["immature"].values()) == {None}


def test_other_kinds_have_other_numbers(tmp_path: Path) -> None:
    amounts = {"n": 5, "mean_observed": 12.5, "curve": [[10.0, 12.0, 5]]}
    said = {"made_at": None, "matured": amounts}
    assert written(tmp_path, json.dumps(said))["matured"] == {
        "n": 5,
        "base_rate": 12.5,
        "auc": None,
        "ece": None,
        "curve": [[10.0, 12.0, 5]],
    }
    classes = {"n": 5, "auc_mean": 0.75, "ece": 0.0, "curve": []}
    immature = {"n": 3, "expected": [1.5, 0.5, 1.0]}
    said = {"made_at": None, "matured": classes, "immature": immature}
    found = written(tmp_path, json.dumps(said))
    assert found["matured"]["auc"] == 0.75 and found["matured"]["ece"] == 0.0
    assert found["immature"]["n"] == 3 and found["immature"]["expected"] is None


def test_there_may_be_no_analysis_and_no_log(tmp_path: Path) -> None:
    assert Analyses(tmp_path).of("shop") == {"state": "none"}
    assert Analyses(None).of("shop") == {"state": "none"}


def test_an_analysis_is_read_again_when_it_changes(tmp_path: Path) -> None:
    written(tmp_path, "{}")
    analyses = Analyses(tmp_path)
    assert analyses.of("shop")["state"] == "unreadable"
    first = analyses.of("shop")
    assert analyses.of("shop") is first
    (tmp_path / "shop" / "analysis.json").write_text(json.dumps(WHOLE))
    assert analyses.of("shop")["state"] == "there"
