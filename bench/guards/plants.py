"""Planted leaks, each beside an honest twin that asks the same without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bench.guards import preparations as site
from bench.guards import questions as ask
from bench.guards.events import (
    DEFINITION,
    FIRST,
    MAPPING,
    as_table,
    line_rows,
    plan_rows,
    visit_rows,
)
from zap.checks.prove import check_generator
from zap.checks.report import Report
from zap.checks.sample import Sample
from zap.events.mapping import EventMapping
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.times import instant_us

Prepare = Callable[[pa.Table], pa.Table]
OBSERVED = ObservedRange(instant_us("2024-03-01"), instant_us("2024-05-01"))
SUMMED = {"column": "amount", "type": "float", "fold": "sum"}
INVOICES = EventMapping.from_dict(
    {
        **DEFINITION,
        "row_group_key": "invoice",
        "properties": {**DEFINITION["properties"], "amount": SUMMED},
    }
)


@dataclass(frozen=True)
class Case:
    """A question on some events, with what a site does to them before.

    Attributes:
        generator: makes the question; a new one each time, since some remember.
        prepare: the site's own work, if any.
        events: makes canonical events for a seed.
        mapping: how rows fold.
    """

    generator: Callable[[], Generator]
    prepare: Prepare | None = None
    events: Callable[[int], pa.Table] = lambda seed: as_table(visit_rows(seed=seed))
    mapping: EventMapping = MAPPING

    def check(self, seed: int = 0, rounds: int = 1) -> Report:
        """The report of a check."""
        sample = Sample(self.events(seed), OBSERVED, Counter())
        return check_generator(
            self.generator(),
            self.mapping,
            sample,
            prepare=self.prepare,
            rounds=rounds,
            seed=seed,
        )


@dataclass(frozen=True)
class Plant:
    """A planted leak.

    Attributes:
        title: what was planted, in words.
        check: the check that must catch it.
        names: what the message must name: the field, the mechanism.
        leaky: the case with the leak.
        honest: its twin without.
        verdict: of the leaky case.
    """

    title: str
    check: str
    names: tuple[str, ...]
    leaky: Case
    honest: Case
    verdict: str = "failed"

    def caught(self, seed: int = 0) -> bool:
        """Whether the check that must catch it does, and names it."""
        report = self.leaky.check(seed)
        says = report.finding(self.check).says
        return report.verdict == self.verdict and all(n in says for n in self.names)

    def message(self, seed: int = 0) -> str:
        """The message that caught it."""
        return self.leaky.check(seed).finding(self.check).says


def with_plans(since: Any) -> Callable[[int], pa.Table]:
    """Visits, and rows of a dimension with a valid-from or without."""
    return lambda seed: as_table(visit_rows(seed=seed) + plan_rows(150, seed, since))


def orders(seed: int) -> pa.Table:
    """Orders whose lines have times of their own."""
    return as_table(line_rows(60, seed))


PLANTS: dict[str, Plant] = {
    "bins": Plant(
        "bins by quantiles of all data",
        "mutation",
        ("'amount_bin' of the", "bins or counts over all data"),
        Case(ask.SeesBins, site.bins_of_all_data),
        Case(ask.SeesBins, site.declared_bins),
    ),
    "filter": Plant(
        "rare pages left out, counted over all data",
        "mutation",
        ("the event 'page_view' of", "a filter on all data"),
        Case(ask.SeesPages, site.without_rare_pages),
        Case(ask.SeesPages, site.without_listed_pages),
    ),
    "rates": Plant(
        "pages as their sales rate over all data (target encoding)",
        "mutation",
        ("'page_rate' of the", "is computed in the preparation from rows that come"),
        Case(ask.SeesRates, site.page_rates_of_all_data),
        Case(ask.SeesRates, site.page_shares_so_far),
    ),
    "dimension": Plant(
        "a trait from dimension rows without valid-from",
        "mutation",
        ("'plan'", "dimension rows without valid-from"),
        Case(ask.SeesPlan, events=with_plans(None)),
        Case(ask.SeesPlan, events=with_plans(FIRST)),
    ),
    "trait": Plant(
        "the latest value of a trait joined to all of a visitor's events",
        "mutation",
        ("the last value of 'plan'", "a join without valid-from"),
        Case(ask.SeesTrait, site.latest_plan),
        Case(ask.SeesTrait, site.plan_so_far),
    ),
    "stitching": Plant(
        "backward stitching: user_id filled in for all rows of an anonymous_id",
        "mutation",
        ("backward stitching", "user_id"),
        Case(ask.OfUsers, site.stitched_backwards),
        Case(ask.OfUsers, site.stitched_forwards),
    ),
    "dwell": Plant(
        "forward dwell: LEAD(timestamp) - timestamp",
        "mutation",
        ("'dwell' of the", "the time to the next event"),
        Case(ask.SeesDwell, site.dwell_forward),
        Case(ask.SeesDwell, site.dwell_before),
    ),
    "late": Plant(
        "received_at lost: late events used too early",
        "mutation",
        ("late event is used too early", "received_at", "was received at"),
        Case(ask.Buys, site.without_receipt),
        Case(ask.Buys),
    ),
    "totals": Plant(
        "eligible by a visitor's number of events in all",
        "anticipation",
        ("eligible gave another answer", "computed from later rows"),
        Case(ask.EngagedOnly, site.visit_totals),
        Case(ask.EngagedOnly, site.visit_totals_so_far),
    ),
    "lines": Plant(
        "lines of an order that come later, dated back to its first",
        "mutation",
        ("late event is used too early", "was received at"),
        Case(ask.OrdersMore, site.lines_dated_back, orders, INVOICES),
        Case(ask.OrdersMore, None, orders, INVOICES),
    ),
    "anticipating": Plant(
        "an anticipating rule that says so (before_outcome)",
        "anticipation",
        ("says that it anticipates", "BeforeOutcome anticipates"),
        Case(ask.AtTheOutcome),
        Case(ask.Buys),
        "anticipates",
    ),
    "undeclared": Plant(
        "an anticipating rule that does not say so",
        "anticipation",
        ("The rule LastOfHistory anticipates",),
        Case(ask.AtTheEnd),
        Case(ask.Buys),
    ),
    "peeks": Plant(
        "is_cutoff looks behind its view",
        "anticipation",
        ("is_cutoff(self, past) knows more than the past", "reaches behind the view"),
        Case(ask.Peeks),
        Case(ask.CountsPages),
    ),
    "writes": Plant(
        "a label method that writes into the events it is shown",
        "mutation",
        ("'amount' of the", "label() writes into the events"),
        Case(ask.WritesLabel),
        Case(ask.OnlyReads),
    ),
    "remembers": Plant(
        "a label method that remembers what it saw, for eligible",
        "deterministic",
        ("a method remembers what label saw", "eligible"),
        Case(ask.Remembers),
        Case(ask.OnlyReads),
    ),
    "draws": Plant(
        "eligible draws lots",
        "deterministic",
        ("eligible or is_cutoff draws at random",),
        Case(ask.Draws),
        Case(ask.OnlyReads),
    ),
}
