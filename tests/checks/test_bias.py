"""What a cutoff's place alone tells: against scikit-learn and plain loops."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bench.guards.events import MAPPING, as_table, visit_rows
from bench.guards.plants import OBSERVED
from bench.guards.questions import BUY, VIEW, AtTheOutcome, Buys, SeesPages
from zap.checks.bias import (
    Alone,
    bias_of,
    every_event,
    held_out_auc,
    largest_gap,
    rates,
)
from zap.checks.histories import histories_of
from zap.examples import Generator, classes, each, event, random_k, rest_of_session
from zap.examples.slicing import slice_histories

TABLE = as_table(visit_rows(400, seed=2))


def bias(generator: Generator, seed: int = 0) -> tuple[Any, Any]:
    histories = histories_of(generator, TABLE, MAPPING)
    slices = slice_histories(generator, histories, OBSERVED)
    return bias_of(generator, histories, OBSERVED, slices, seed)


def test_the_rate_of_a_bin_is_learnt_from_the_other_half_of_the_subjects() -> None:
    rng = random.Random(0)
    rows = [
        (rng.randrange(6), rng.random() < 0.4, rng.randrange(40)) for _ in range(500)
    ]
    bins, label, subject = (np.array(column) for column in zip(*rows, strict=True))
    mean = sum(label) / len(label)
    scores = []
    for own, _, who in rows:
        others = [y for b, y, s in rows if b == own and s % 2 != who % 2]
        scores.append((sum(others) + mean) / (len(others) + 1))
    found = held_out_auc(bins, label.astype(float), subject)
    assert found == pytest.approx(roc_auc_score(label, scores))


def test_labels_by_position_are_those_of_a_plain_loop() -> None:
    _, numbers = bias(Buys())
    seen: dict[str, list[bool]] = defaultdict(list)
    by_visitor: dict[str, list[dict]] = defaultdict(list)
    for row in TABLE.to_pylist():
        by_visitor[row["anonymous_id"]].append(row)
    for rows in by_visitor.values():
        visits: list[list[dict]] = []
        for row in sorted(rows, key=lambda each: each["timestamp"]):
            gap = visits and row["timestamp"] - visits[-1][-1]["timestamp"]
            if not visits or gap.total_seconds() > 1_800:
                visits.append([])
            visits[-1].append(row)
        for visit in visits:
            for place, row in enumerate(visit):
                before, after = visit[: place + 1], visit[place + 1 :]
                # What came too late is in no past.
                seen_by = [r for r in before if r["received_at"] <= row["received_at"]]
                if row["type"] != "page_view":
                    continue
                if any(r["type"] == "purchase" for r in seen_by):
                    continue
                bought = any(r["type"] == "purchase" for r in after)
                seen[str(len(seen_by))].append(bought)
    for row in numbers["rates"]:
        labels = seen[row["position"]]
        assert row["rule_cutoffs"] == len(labels)
        assert row["rule_rate"] == pytest.approx(sum(labels) / len(labels))


def test_a_rule_that_stops_at_the_outcome_shows_and_every_event_does_not() -> None:
    finding, numbers = bias(AtTheOutcome())
    assert finding.status == "warned"
    assert numbers["gap"] > numbers["chance"] > 0
    assert f"position {numbers['position']}" in finding.says
    alone = numbers["auc"]
    assert alone["rule"]["position"] > alone["every_event"]["position"] + 0.05
    honest, same = bias(SeesPages())
    assert honest.status == "passed" and same["gap"] <= 1e-9


def test_a_rule_that_draws_by_lot_is_within_chance() -> None:
    class Sampled(Buys):
        cutoffs = each(event("page_view", "login")).sample(0.3)

    warned = 0
    for seed in range(10):
        table = as_table(visit_rows(150, seed=seed))
        histories = histories_of(Sampled(), table, MAPPING)
        slices = slice_histories(Sampled(), histories, OBSERVED)
        finding, _ = bias_of(Sampled(), histories, OBSERVED, slices, seed)
        warned += finding.status == "warned"
    assert warned <= 1


def test_a_draw_that_its_weights_repair_is_within_chance_with_them_alone() -> None:
    class Drawn(SeesPages):
        cutoffs = random_k(VIEW, 1)

    table = as_table(visit_rows(3_000, seed=8))
    histories = histories_of(Drawn(), table, MAPPING)
    slices = slice_histories(Drawn(), histories, OBSERVED)
    finding, _ = bias_of(Drawn(), histories, OBSERVED, slices, 0)
    assert finding.status == "passed"
    plain = replace(slices, weight=np.ones_like(slices.weight))
    finding, _ = bias_of(Drawn(), histories, OBSERVED, plain, 0)
    assert finding.status == "warned"


def test_what_chance_gives_is_what_drawing_gives() -> None:
    rng = np.random.default_rng(0)
    population = rng.random(2_000) < 0.3
    rows = [
        {
            "position": "1",
            "rule_cutoffs": 200,
            "rule_rate": 0.0,
            "every_cutoffs": 2_000,
            "every_rate": float(population.mean()),
            "_subjects": 200,
        }
    ]
    drawn = [
        abs(rng.choice(population, 200, replace=False).mean() - population.mean())
        for _ in range(4_000)
    ]
    chance = largest_gap(rows, 0)["chance"]
    assert chance == pytest.approx(np.quantile(drawn, 0.99), rel=0.1)


def test_every_event_asks_the_same_question_of_all_kept_events() -> None:
    asked = every_event(AtTheOutcome())
    histories = histories_of(asked, TABLE, MAPPING)
    found = slice_histories(asked, histories, OBSERVED)
    wanted = Counter(TABLE.column("type").to_pylist())
    assert found.counts["cutoffs.candidates"] == wanted["page_view"] + wanted["login"]
    assert AtTheOutcome.cutoffs is not asked.cutoffs


def test_the_rates_of_the_same_cutoffs_are_the_same() -> None:
    generator = Buys()
    histories = histories_of(generator, TABLE, MAPPING)
    alone = Alone.of(slice_histories(generator, histories, OBSERVED))
    for row in rates(alone, alone):
        assert row["rule_rate"] == row["every_rate"]


def test_labels_that_are_not_yes_or_no_are_not_judged() -> None:
    class Kinds(Buys):
        label = classes(
            buys=rest_of_session().any(BUY), views=rest_of_session().any(VIEW)
        )

    finding, numbers = bias(Kinds())
    assert (finding.status, numbers) == ("skipped", None)

    class Nobody(Buys):
        label = rest_of_session().any(event("donation"))

    assert bias(Nobody())[0].says == "All labels are the same."
