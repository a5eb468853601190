"""The truth of every event against a slow filter, and against what happens."""

from __future__ import annotations

import numpy as np
import pytest

from zap.encoding.columns import IntArray
from zap.evaluation.metrics import ece, ece_null
from zap.simulation.chain import UNITS
from zap.simulation.law import Law, context_of, shop_law
from zap.simulation.steps import BUY, Visits, Walked
from zap.simulation.walk import Walker


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(seed))


def tiny_visits(count: int) -> Visits:
    random = np.random.default_rng(0)
    return Visits(
        start_ms=np.arange(count) * 10_000_000,
        law=random.integers(0, 2, count),
        campaign=random.integers(0, 2, count),
        context=random.integers(0, 4, count),
    )


def events_of(walked: Walked, visits: int) -> list[list[int]]:
    """Rows of the events of each visit, in the order of time."""
    rows: list[list[int]] = [[] for _ in range(visits)]
    for row in np.argsort(walked.steps.time_ms, kind="stable"):
        rows[walked.steps.visit[row]].append(row)
    return rows


def buys_by_iteration(law: Law, intent: int) -> list[float]:
    """The chance of a purchase from each page, by walking on and on."""
    chances = law.chain.moves[intent] / UNITS
    bought = [0.0] * len(chances)
    for _ in range(500):
        bought = [
            row[-1] + sum(c * b for c, b in zip(row, bought, strict=False))
            for row in chances
        ]
    return bought


def slow_truth(law: Law, campaign: int, context: int, pages, dwells) -> list[float]:
    """The truth after each page view, by Bayes' rule, one visit at a time."""
    intents = range(len(law.prior[context]))
    weight = [law.prior[context][k] for k in intents]
    truth = []
    for number, page in enumerate(pages):
        for k in intents:
            if number == 0:
                weight[k] *= law.landing[campaign, k, page] / UNITS
            else:
                before, edges = pages[number - 1], law.chain.edges_ms
                [bin_] = [
                    b
                    for b in range(len(edges) - 1)
                    if edges[b] <= dwells[number - 1] < edges[b + 1]
                ]
                weight[k] *= law.chain.moves[k, before, page] / UNITS
                weight[k] *= law.chain.dwell[k, before, bin_] / UNITS
        posterior = [w / sum(weight) for w in weight]
        buys = [buys_by_iteration(law, k)[page] for k in intents]
        truth.append(sum(p * b for p, b in zip(posterior, buys, strict=True)))
    return truth


def test_the_truth_is_the_filter_of_each_visit(tiny_laws) -> None:
    visits = tiny_visits(60)
    walked = Walker(tiny_laws).walk(generator(1), visits)
    steps = walked.steps
    for visit, rows in enumerate(events_of(walked, 60)):
        views = [row for row in rows if steps.page[row] != BUY]
        times = steps.time_ms[rows]
        truth = slow_truth(
            tiny_laws[visits.law[visit]],
            visits.campaign[visit],
            visits.context[visit],
            steps.page[views].tolist(),
            np.diff(times).tolist(),
        )
        assert steps.probability[views] == pytest.approx(truth, rel=1e-9)
        assert times[0] == visits.start_ms[visit]
        assert times[-1] == walked.end_ms[visit]
        bought = steps.page[rows[-1]] == BUY
        assert walked.bought[visit] == bought
        assert len(views) == len(rows) - bought
        assert steps.number[rows].tolist() == list(range(1, len(rows) + 1))
        assert steps.previous[rows].tolist() == [-1, *rows[:-1]]


def test_purchases_are_certain_once_they_are_made(tiny_laws) -> None:
    steps = Walker(tiny_laws).walk(generator(2), tiny_visits(500)).steps
    assert (steps.probability[steps.page == BUY] == 1).all()
    assert (steps.page == BUY).any()


def test_moves_and_dwells_come_as_often_as_the_law_says(tiny_laws) -> None:
    """Counts of what each intent does, against the chances (chi-square, z < 5)."""
    law, count = tiny_laws[0], 30_000
    visits = Visits(*(np.zeros(count, np.int64) for _ in range(4)))
    walked = Walker([law]).walk(generator(3), visits)
    share = (walked.intent == 1).mean()
    wanted = law.prior[0, 1]
    assert abs(share - wanted) < 5 * np.sqrt(wanted * (1 - wanted) / count)
    steps = walked.steps
    came = np.flatnonzero((steps.previous >= 0) & (steps.page != BUY))
    before = steps.previous[came]
    intent = walked.intent[steps.visit[came]]
    dwell = steps.time_ms[came] - steps.time_ms[before]
    bins = np.searchsorted(law.chain.edges_ms, dwell, "right") - 1
    for k in range(2):
        for page in range(3):
            here = (intent == k) & (steps.page[before] == page)
            # Given that the visit went on, as those that left show no dwell.
            onward = law.chain.moves[k, page, :3] / law.chain.moves[k, page, :3].sum()
            likely(np.bincount(steps.page[came][here], minlength=3), onward)
            likely(np.bincount(bins[here], minlength=3), law.chain.dwell[k, page])


def likely(found: IntArray, shares: np.ndarray) -> None:
    """Whether counts are within five standard errors of their shares."""
    chance, total = shares / shares.sum(), found.sum()
    errors = np.sqrt(total * chance * (1 - chance)) + 1e-9
    assert (np.abs(found - total * chance) < 5 * errors + 1e-6).all()


@pytest.fixture(scope="module")
def walked_shop() -> Walked:
    """60,000 visits of the shop itself, before and after a drift."""
    random, count = np.random.default_rng(9), 60_000
    campaign = random.integers(0, 5, count)
    contexts = [random.integers(0, n, count) for n in (2, 3, 2)]
    visits = Visits(
        np.zeros(count, np.int64),
        random.integers(0, 2, count),
        campaign,
        context_of(campaign, *contexts),
    )
    return Walker([shop_law(), shop_law(0.7)]).walk(generator(4), visits)


@pytest.mark.parametrize("number", [1, 2, 3, 5, 8, 12])
def test_the_truth_comes_true_at_every_page(walked_shop: Walked, number: int) -> None:
    """Views of one number are of different visits: their outcomes are independent."""
    steps = walked_shop.steps
    rows = np.flatnonzero((steps.number == number) & (steps.page != BUY))
    p, y = steps.probability[rows], walked_shop.bought[steps.visit[rows]]
    assert len(rows) > 1_000
    z = (y - p).sum() / np.sqrt((p * (1 - p)).sum())
    assert abs(z) < 4
    mean, high = ece_null(p, n_draws=200)
    assert ece(y, p) < mean + 2.5 * (high - mean)
    # A truth that knew less, the mean of all, or more would be seen.
    assert ece(y, np.clip(1.5 * p, 0, 1)) > mean + 2.5 * (high - mean)


def test_a_visit_is_what_the_documents_say(walked_shop: Walked) -> None:
    steps = walked_shop.steps
    pages = np.bincount(steps.visit[steps.page != BUY])
    assert 4 <= np.median(pages) <= 6
    assert np.quantile(pages, 0.99) > 20
    assert 0.03 < walked_shop.bought.mean() < 0.10
