"""What a model's outputs shall stand for: links, scales, totals, and refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")

from zap.bundles.mean_scaling import MeanScaling
from zap.bundles.target import Target
from zap.datasets.visits import Visits
from zap.errors import TrainingError
from zap.training.targets import balanced, target_of

Made = Callable[..., Visits]
RNG = np.random.default_rng(0)


def with_labels(visits: Visits, label: np.ndarray) -> Visits:
    return replace(visits, label=label.astype(np.float32))


def amounts(visits: Visits) -> np.ndarray:
    return np.random.default_rng(1).gamma(0.5, 40, visits.cutoffs)


def test_the_link_is_the_logarithm_unless_amounts_lie_below_0(
    make_visits: Made,
) -> None:
    train, other = make_visits(40), make_visits(20, seed=5)
    y = amounts(train)
    train, other = with_labels(train, y), with_labels(other, amounts(other))
    found = target_of({"kind": "amount"}, train, other)
    mean = np.average(train.label.astype(float), weights=train.weight)
    spread = np.average((train.label - mean) ** 2, weights=train.weight)
    assert (found.link, found.outputs) == ("log", 1)
    assert found.scale == pytest.approx(mean)
    assert found.dispersion == pytest.approx(spread / mean**2)
    for one, two in (
        (with_labels(train, y - 20), other),
        (train, with_labels(other, amounts(other) - 20)),
    ):
        found = target_of({"kind": "amount"}, one, two)
        assert found.link == "identity"
        assert found.scale == pytest.approx(spread**0.5, rel=1e-5)
        centre = np.average(one.label.astype(float), weights=one.weight)
        assert found.centre == pytest.approx(centre)


def test_classes_and_yes_or_no_need_no_numbers(make_visits: Made) -> None:
    visits = make_visits(5)
    schema = {"kind": "classes", "classes": ["a", "b", "c"]}
    assert target_of(schema, visits, visits) == Target("classes", ("a", "b", "c"))
    assert target_of({"kind": "binary"}, visits, visits) == Target()
    with pytest.raises(TrainingError, match="kind='odd'"):
        target_of({"kind": "odd"}, visits, visits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: np.where(y > 50, np.inf, y), "label=inf"),
        (lambda y: np.where(y > 50, np.nan, y), "label=nan"),
        (lambda y: 0 * y, "all are the same .*amount=0"),
        (lambda y: 0 * y + 7, "all are the same .*amount=7"),
    ],
)
def test_amounts_that_cannot_be_learned_are_refused(
    make_visits: Made, change: Callable[..., np.ndarray], message: str
) -> None:
    good = make_visits(20)
    good = with_labels(good, amounts(good))
    bad = with_labels(good, change(amounts(good)))
    with pytest.raises(TrainingError, match=message):
        target_of({"kind": "amount"}, bad, good)
    if "same" not in message:
        with pytest.raises(TrainingError, match="in the validation examples"):
            target_of({"kind": "amount"}, good, bad)


@pytest.mark.parametrize("link", ["log", "identity"])
def test_balanced_totals_are_the_observed_ones(link: str) -> None:
    y, weight = RNG.gamma(0.5, 40, 300), RNG.uniform(0.5, 2, 300)
    target = Target("amount", link=link, scale=25.0, centre=0.0)
    outputs = RNG.normal(0.3, 0.5, (300, 1))
    found = balanced(target, outputs, y, weight)
    means = MeanScaling(link, found.scale, found.centre).apply(outputs)
    assert weight @ means == pytest.approx(weight @ y)
    assert replace(found, scale=target.scale, centre=target.centre) == target
