"""What a round may alter, against a plain loop, and what it proves."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from bench.guards.events import MAPPING, as_table, visit_rows
from bench.guards.plants import OBSERVED
from bench.guards.questions import BUY, VIEW, AtTheEnd, AtTheOutcome, Buys
from zap.checks.harness import Harness
from zap.checks.known import Known
from zap.checks.made import Made
from zap.checks.prove import prove
from zap.checks.rounds import BY_SUBJECT, BY_TIME, planned, prove_rounds
from zap.checks.sample import Sample
from zap.examples import Generator, Hash, Instance, at, future, past

ROWS = visit_rows(50, seed=1, late=0.3)
TABLE = as_table(ROWS)


class OnDays(Generator):
    """On three days: a purchase within three days?"""

    cutoffs = at("2024-03-08", "2024-03-15", "2024-03-22")
    eligible = past(days=9).any(VIEW)
    label = future(days=3).any(BUY)
    instance = Instance(types=["page_view"], fields=[Hash("page")], wait=True)


def setup(generator: Generator, table: pa.Table = TABLE) -> tuple[Harness, Made, Known]:
    harness = Harness.of(generator, MAPPING, OBSERVED, table)
    return harness, harness.make(table), Known.of(table, generator.subject)


def known_at(row: dict) -> int:
    moment = max(row["timestamp"], row["received_at"] or row["timestamp"])
    return round(moment.timestamp() * 1_000_000)


@pytest.mark.parametrize("generator", [Buys, OnDays])
def test_a_round_alters_all_that_is_in_no_proven_past_and_nothing_else(
    generator: type[Generator],
) -> None:
    harness, before, known = setup(generator())
    kinds = Counter()
    for each in planned(harness, known, before, 2, seed=3):
        kinds[each.kind] += 1
        pasts = {
            (origin, key.subject)
            for key in each.keys
            for origin in before.past_events(before.places[key])
        }
        subjects = {key.subject for key in each.keys}
        for place, row in enumerate(TABLE.to_pylist()):
            own = ((row["source"], row["row"]), row["anonymous_id"])
            if each.kind == BY_SUBJECT:
                concerned = row["anonymous_id"] in subjects
                assert each.rows[place] == (concerned and own not in pasts)
            else:
                assert not (each.rows[place] and own in pasts)
                timed = generator is OnDays
                late = known_at(row) >= each.until_us + (0 if timed else 1)
                assert each.rows[place] == late
    assert kinds == {BY_SUBJECT: 6, BY_TIME: 6}


def test_a_round_by_subject_proves_a_cutoff_of_every_subject() -> None:
    harness, before, known = setup(Buys())
    each = next(iter(planned(harness, known, before, 1, seed=0)))
    whose = [key.subject for key in each.keys]
    assert sorted(whose) == sorted({key.subject for key in before.places})


def test_rounds_by_time_lie_early_and_late_in_the_data() -> None:
    harness, before, known = setup(Buys())
    for rounds in (1, 2, 3):
        plan = planned(harness, known, before, rounds, seed=0)
        shares = sorted(
            len(each.keys) / len(before.places) for each in plan if each.kind == BY_TIME
        )
        edges = np.arange(3 * rounds + 1) / (3 * rounds)
        assert all(
            low - 0.02 <= share <= high + 0.02
            for low, share, high in zip(edges, shares, edges[1:], strict=False)
        )


def test_with_a_preparation_or_without_a_column_only_time_is_fair() -> None:
    harness = Harness.of(Buys(), MAPPING, OBSERVED, TABLE, lambda table: table)
    before, known = harness.make(TABLE), Known.of(TABLE, "anonymous_id")
    kinds = {each.kind for each in planned(harness, known, before, 1, 0)}
    assert kinds == {BY_TIME}
    harness, before, _ = setup(Buys())
    plan = planned(harness, Known.of(TABLE, "person"), before, 1, 0)
    assert {each.kind for each in plan} == {BY_TIME}


def test_a_rule_that_looks_ahead_loses_cutoffs_or_makes_new_ones() -> None:
    for question, most in ((AtTheOutcome(), "gone"), (AtTheEnd(), "new")):
        harness, before, known = setup(question)
        proof = prove_rounds(harness, TABLE, known, before, 1, seed=0)
        assert any(getattr(found, most) for found in proof.differences)
        assert proof.rounds == 6 and proof.proven <= set(before.places)


def test_the_same_seed_draws_the_same_rounds() -> None:
    harness, before, known = setup(Buys())
    first, again, other = (
        list(planned(harness, known, before, 1, seed)) for seed in (0, 0, 1)
    )
    assert [each.keys for each in first] == [each.keys for each in again]
    assert [each.keys for each in first] != [each.keys for each in other]


def test_no_cutoffs_are_nothing_to_prove() -> None:
    table = as_table([row for row in ROWS if row["type"] == "login"])
    report = prove(Buys(), MAPPING, Sample(table, OBSERVED, Counter()))
    assert (report.verdict, report.asked["proven"]) == ("no cutoffs", 0)
