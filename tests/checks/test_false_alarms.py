"""No false alarm: honest questions of all kinds pass, whatever the seed.

Events come late, tie, repeat and break limits here, since those are what a proof could
mistake for a leak.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest
from made_rows import made_rows, write_files
from made_shop import Fragile, MadeShop, Weekly

from bench.guards.events import as_table, plan_rows, visit_rows
from bench.guards.plants import PLANTS, Case
from bench.guards.questions import BUY, VIEW, Buys
from zap.checks.prove import check_generator, prove
from zap.checks.sample import first_rows, whole_subjects
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.examples import (
    ANY,
    Generator,
    Hash,
    Instance,
    Last,
    SincePrevious,
    WholeHistory,
    after,
    at,
    daily,
    each,
    event,
    future,
    in_session,
    monthly,
    nth,
    past,
    tenure,
    windows,
)
from zap.examples.registry import load_generator

SEEDS = range(2)


class Second(Buys):
    cutoffs = nth(VIEW, 2)


class Sampled(Buys):
    cutoffs = each(VIEW).sample(0.5)


class Combined(Buys):
    eligible = past(days=1).none(BUY) & in_session().last("page").one_of(
        "/page/3", "/page/1"
    ) | (past().count(VIEW) > 3)


class Limited(Buys):
    max_events = 5
    max_subject_events = 12


class Unrepeated(Buys):
    drop_repeated_events = True


class EveryKind(Buys):
    cutoffs = each(event(ANY))
    session = WholeHistory()
    max_events = 12
    instance = Instance(
        types=ANY,
        fields=[Hash("type"), Hash("page", repeats="drop")],
        metadata=[tenure()],
        aggregates=windows([1], by="type"),
    )


class OnDays(Generator):
    cutoffs = at("2024-03-10", "2024-03-20")
    label = future(days=3).any(VIEW)
    instance = Instance(
        types=["page_view", "login"],
        fields=[Hash("page"), SincePrevious()],
        wait=True,
        metadata=[tenure(), Last("user_id")],
        aggregates=windows([1, 7], of=["count", "amount"], change=True),
        lookback_days=9,
    )
    statistics: ClassVar = {
        "spend": past(days=2).sum("amount"),
        "since": past().since(VIEW),
    }
    weight = past().count(VIEW)


class Daily(OnDays):
    cutoffs = daily()
    eligible = past(days=3).any(VIEW)


class DailySampled(OnDays):
    cutoffs = daily().sample(0.3)


class Monthly(OnDays):
    cutoffs = monthly("2024-03", "2024-04", day=15)


class Afterwards(OnDays):
    cutoffs = after(VIEW, hours=1)


def rows_with(seed: int, late: float) -> list[Any]:
    """Visits of which some rows are sent twice, under one id."""
    rows = [
        {**row, "event_id": f"{row['anonymous_id']}-{place}"}
        for place, row in enumerate(visit_rows(40, seed, late))
    ]
    again = [{**row, "received_at": row["received_at"]} for row in rows[::9]]
    return [*rows, *again]


@pytest.mark.parametrize("late", [0, 0.4])
@pytest.mark.parametrize(
    "question",
    [
        Second,
        Sampled,
        Combined,
        Limited,
        OnDays,
        Daily,
        DailySampled,
        Monthly,
        Afterwards,
    ],
)
def test_honest_questions_pass(question: type[Generator], late: float) -> None:
    for seed in SEEDS:
        case = Case(question, events=lambda s: as_table(rows_with(s, late)))
        report = case.check(seed)
        assert (report.verdict, report.problems()) == ("passed", []), seed


@pytest.mark.parametrize("question", [Second, Combined, Limited])
def test_dimensions_without_valid_from_that_nobody_reads_are_no_leak(question) -> None:
    for seed in SEEDS:
        events = as_table(rows_with(seed, 0.2) + plan_rows(40, seed, None))
        report = Case(question, events=lambda s, t=events: t).check(seed)
        assert (report.verdict, report.problems()) == ("passed", []), seed


def test_repeated_events_may_go_where_none_is_late() -> None:
    # Where some are, a repeat of an event that nobody knew of goes too, and is found.
    for seed in SEEDS:
        case = Case(Unrepeated, events=lambda s: as_table(rows_with(s, 0)))
        assert case.check(seed).problems() == []


@pytest.mark.parametrize("late", [0, 0.4])
def test_a_question_about_all_events_passes(late: float) -> None:
    for seed in SEEDS:
        events = as_table(visit_rows(40, seed, late))
        report = Case(EveryKind, events=lambda s, t=events: t).check(seed)
        assert (report.verdict, report.problems()) == ("passed", []), seed


@pytest.mark.parametrize("name", ["bins", "dwell", "stitching", "late", "lines"])
def test_honest_twins_pass_with_other_seeds(name: str) -> None:
    for seed in (1, 2):
        report = PLANTS[name].honest.check(seed)
        assert (report.verdict, report.problems()) == ("passed", []), seed


@pytest.mark.parametrize("question", [MadeShop, Weekly, Fragile])
def test_the_made_up_shop_passes(tmp_path: Path, question: type[Generator]) -> None:
    mapping = EventMapping.load(Path(__file__).parents[1] / "sites/made_shop.toml")
    for seed in SEEDS:
        paths = write_files(tmp_path / str(seed), made_rows(60, seed))
        sources = list_sources(paths, mapping)
        sample = whole_subjects(sources, mapping, "anonymous_id", 10_000)
        report = check_generator(question(), mapping, sample, rounds=1, seed=seed)
        assert (report.verdict, report.problems()) == ("passed", []), seed


DATA = {
    "shop_sessions/events.parquet": (
        "shop_purchase",
        "shop_purchase_after_3",
        "shop_purchase_after_6",
    ),
    "online_retail/invoices.csv.gz": ("retail_repurchase_30", "retail_repurchase_90"),
}


def sweep(names: tuple[str, ...], path: str) -> None:
    generators = [load_generator(name) for name in names]
    first = generators[0]
    mapping = EventMapping.load(first.folder() / str(first.mapping))
    sources = list_sources([path], mapping)
    sample = whole_subjects(sources, mapping, first.subject, 3_000)
    few = first_rows(sources, mapping, 1_500)
    assert few is not None
    verdicts: Counter[str] = Counter()
    for generator in generators:
        for seed in SEEDS:
            report = check_generator(generator, mapping, sample, rounds=1, seed=seed)
            assert report.problems() == [], (generator.name, seed)
            verdicts[report.verdict] += 1
            quick = prove(generator, mapping, few, seed)
            assert quick.problems() == [], (generator.name, seed)
    assert verdicts == {"passed": len(SEEDS) * len(names)}


@pytest.mark.parametrize("path", DATA)
def test_the_shipped_generators_pass_on_their_data(
    path: str, shared_data: Path
) -> None:
    sweep(DATA[path], str(shared_data / path))


def test_the_bundled_generator_passes_on_its_data() -> None:
    generator = load_generator("cdnow_repurchase")
    sweep(("cdnow_repurchase",), str(generator.folder() / str(generator.data)))
