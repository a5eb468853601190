"""One evaluation of amounts: against resampling by hand and plain loops."""

import json

import numpy as np
import pytest

from zap.errors import BundleError, DatasetError
from zap.evaluation import amount_metrics as measures
from zap.evaluation.amount_curves import bucket_of, calibration_curve, segments
from zap.evaluation.bootstrap import SubjectDraws, auc_draws
from zap.evaluation.evaluate_amounts import evaluate_amounts


def made(rows=900, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.gamma(1, 30, rows) + 1
    y = np.where(rng.random(rows) < 0.5, p / 0.5 * rng.exponential(1, rows), 0)
    weak = p * rng.exponential(1, rows)
    return y, p, weak, np.repeat(np.arange(rows // 3), 3)


@pytest.fixture(scope="module")
def found():
    y, p, weak, subjects = made()
    return evaluate_amounts(
        y, p, subjects, p_uncalibrated=2 * p, p_baseline=weak, draws=60, seed=3
    )


def test_it_is_strict_json_of_its_kind(found):
    assert (found["kind"], found["link"]) == ("amount", "log")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["n"], found["subjects"], found["draws"]) == (900, 300, 60)


def test_numbers_equal_the_single_metrics(found):
    y, p, weak, _ = made()
    assert found["mean_observed"] == pytest.approx(y.mean())
    assert found["mean_predicted"] == pytest.approx(p.mean())
    assert found["ratio"] == pytest.approx(p.sum() / y.sum())
    assert found["ratio_uncalibrated"] == pytest.approx(2 * p.sum() / y.sum())
    assert found["share_above_zero"] == pytest.approx((y > 0).mean())
    for name in ("rmse", "mae", "spearman", "gini"):
        assert found[name] == getattr(measures, name)(y, p)
        assert found["baseline"][name] == getattr(measures, name)(y, weak)
    explained = measures.deviance_explained(y, p, "log")
    assert found["deviance_explained"] == explained
    less = explained - measures.deviance_explained(y, weak, "log")
    baseline = found["baseline"]
    assert baseline["deviance_explained_difference"] == pytest.approx(less)
    assert found["capture_top_10"] < found["capture_top_20"]
    assert found["deviance_explained_uncalibrated"] < explained
    assert found["quantiles"]["observed"]["50"] == pytest.approx(np.quantile(y, 0.5))


def by_hand(measure, y, columns, subjects, draws, seed):
    """The 95 % interval of a measure over resampled subjects, with loops."""
    names, rng, drawn = np.unique(subjects), np.random.default_rng(seed), []
    for _ in range(draws):
        picked = names[rng.integers(0, len(names), len(names))]
        rows = np.concatenate([np.flatnonzero(subjects == name) for name in picked])
        drawn.append(measure(y[rows], *(column[rows] for column in columns)))
    return np.quantile(drawn, [0.025, 0.975])


def test_intervals_equal_resampling_whole_subjects_by_hand(found):
    y, p, weak, subjects = made()

    def explained(y, p):
        return measures.deviance_explained(y, p, "log")

    for key, measure, columns in [
        ("ratio", lambda y, p: p.sum() / y.sum(), [p]),
        ("gini", measures.gini, [p]),
        ("deviance_explained", explained, [p]),
    ]:
        expected = by_hand(measure, y, columns, subjects, 60, 3)
        interval = (found[f"{key}_low"], found[f"{key}_high"])
        np.testing.assert_allclose(interval, expected, rtol=1e-9)
    paired = by_hand(
        lambda y, p, q: measures.gini(y, p) - measures.gini(y, q),
        y, [p, weak], subjects, 60, 3,
    )  # fmt: skip
    baseline = found["baseline"]
    interval = [baseline[f"gini_difference_{end}"] for end in ("low", "high")]
    np.testing.assert_allclose(interval, paired, rtol=1e-9)


@pytest.mark.parametrize("link", ["log", "identity"])
def test_each_draw_of_few_subjects_is_explained_beyond_its_own_mean(link):
    y, p, weak, subjects = made(rows=24)
    given = {"p_baseline": weak, "draws": 60, "seed": 3}
    found = evaluate_amounts(y, p, subjects, link, **given)

    def explained(y, p):
        return measures.deviance_explained(y, p, link)

    expected = by_hand(explained, y, [p], subjects, 60, 3)
    interval = [found[f"deviance_explained_{end}"] for end in ("low", "high")]
    np.testing.assert_allclose(interval, expected, rtol=1e-9)
    paired = by_hand(
        lambda y, p, q: explained(y, p) - explained(y, q),
        y, [p, weak], subjects, 60, 3,
    )  # fmt: skip
    gained = [
        found["baseline"][f"deviance_explained_difference_{end}"]
        for end in ("low", "high")
    ]
    np.testing.assert_allclose(gained, paired, rtol=1e-9)


def test_a_draw_with_nothing_to_explain_does_not_count():
    """Of two subjects, half of the draws hold one amount alone."""
    y, p = np.array([1.0, 1, 7, 7]), np.array([2.0, 2, 6, 5])
    found = evaluate_amounts(y, p, [0, 0, 1, 1], draws=50)
    explained = found["deviance_explained"]
    assert found["deviance_explained_low"] == pytest.approx(explained)
    assert found["deviance_explained_high"] == pytest.approx(explained)


def test_the_draws_are_those_of_the_auc():
    y, p, _, subjects = made()
    happened = y > 0
    drawn = auc_draws(happened, [p], subjects, draws=4, seed=5)
    for times, (expected,) in zip(SubjectDraws(300, 4, 5), drawn, strict=True):
        rows = np.repeat(np.arange(900), times[subjects].astype(int))
        again = auc_draws(happened[rows], [p[rows]], rows, draws=1)
        assert again.shape == (1, 1)
        from sklearn.metrics import roc_auc_score

        assert expected == pytest.approx(roc_auc_score(happened[rows], p[rows]))


def test_buckets_of_the_curve_are_tenths_with_intervals_by_hand():
    y, p, _, subjects = made()
    curve = calibration_curve(
        y, p, np.ones(900), SubjectDraws(300, 40, 1), subjects, buckets=10
    )
    order = np.argsort(-p)
    assert [bucket["n"] for bucket in curve] == [90] * 10
    for bucket, rows in zip(curve, np.split(order, 10), strict=True):
        assert bucket["mean_prediction"] == pytest.approx(p[rows].mean())
        assert bucket["mean_observed"] == pytest.approx(y[rows].mean())
    inside = np.isin(np.arange(900), order[:90])

    def mean(y, inside):
        return y[inside].mean()

    low, high = by_hand(mean, y, [inside], subjects, 40, 1)
    assert (curve[0]["observed_low"], curve[0]["observed_high"]) == (
        pytest.approx(low),
        pytest.approx(high),
    )


def test_equal_predictions_share_a_bucket_and_weights_count():
    p = np.array([5.0, 1.0, 5.0, 5.0, 1.0, 3.0])
    assert bucket_of(p, np.ones(6), 3).tolist() == [0, 2, 0, 0, 2, 1]
    heavy = np.array([1.0, 8.0, 1.0, 1.0, 1.0, 1.0])
    assert bucket_of(p, heavy, 3).tolist() == [0, 1, 0, 0, 1, 0]


def test_segments_equal_an_even_split_of_the_sorted_rows():
    y, p, _, _ = made()
    for part, rows in zip(
        segments(y, p, np.ones(900)), np.split(np.argsort(-p), 5), strict=True
    ):
        assert part["n"] == 180
        assert part["mean_observed"] == pytest.approx(y[rows].mean())
        assert part["mean_prediction"] == pytest.approx(p[rows].mean())
        assert part["relative_value"] == pytest.approx(y[rows].mean() / y.mean())
        assert part["share_of_value"] == pytest.approx(y[rows].sum() / y.sum())


def test_weights_equal_repeated_rows():
    y, p, weak, _ = made(150)
    weight = np.random.default_rng(1).integers(1, 4, 150)
    again, subjects = np.repeat(np.arange(150), weight), np.arange(150)
    one = evaluate_amounts(y, p, subjects, weights=weight, p_baseline=weak, draws=9)
    two = evaluate_amounts(
        y[again], p[again], subjects[again], p_baseline=weak[again], draws=9
    )
    for key in (
        "ratio",
        "ratio_low",
        "rmse",
        "gini",
        "gini_high",
        "deviance_explained",
    ):
        assert one[key] == pytest.approx(two[key])
        assert one["baseline"][key] == pytest.approx(two["baseline"][key])


def test_amounts_below_0_have_no_poisson_deviance_but_all_else():
    y, p, weak, subjects = made()
    found = evaluate_amounts(y - 5, p, subjects, p_baseline=weak, draws=5)
    assert found["deviance_explained"] is found["deviance_explained_low"] is None
    assert found["baseline"]["deviance_explained_difference"] is None
    assert found["gini"] is not None
    squares = evaluate_amounts(y - 5, p - 5, subjects, "identity", draws=5)
    explained = 1 - ((y - p) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert squares["deviance_explained"] == pytest.approx(explained)


def test_no_value_at_all_is_still_json():
    y, p, weak, subjects = made(30)
    found = evaluate_amounts(0 * y, p, subjects, p_baseline=weak, draws=5)
    assert found["ratio"] is found["gini"] is found["capture_top_20"] is None
    json.dumps(found, allow_nan=False)
    assert evaluate_amounts([3.0], [2.0], [7], draws=5)["n"] == 1


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(DatasetError, match="rows=0"):
        evaluate_amounts([], [], [])
    with pytest.raises(DatasetError, match="y=inf"):
        evaluate_amounts([1, np.inf], [1, 1], [1, 2])
    with pytest.raises(BundleError, match="baseline=nan"):
        evaluate_amounts([1, 2], [1, 1], [1, 2], p_baseline=[1, np.nan])
