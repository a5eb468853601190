"""Variants: each is the dataset that other rows, or other rules, would have given."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from made_bots import RULES, WithBots, WithoutReceipt, bot_rows, late_rows
from made_rows import CRAWLER, FIRST, made_row, made_rows, write_files
from made_shop import MadeShop, Weekly
from made_visits import examples_of

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import NoSplit, SubjectSplit, TimeSplit
from zap.datasets.store import Dataset
from zap.datasets.variants import Cut, empty_visits, with_variant
from zap.datasets.visits import concatenate
from zap.errors import DatasetError, GeneratorError
from zap.events.mapping import EventMapping
from zap.histories.subjects import subject_hash
from zap.times import instant_us

SITES = Path(__file__).parents[1] / "sites"
MAPPING = EventMapping.load(SITES / "made_shop.toml")
RECEIVED = EventMapping.from_dict(
    MAPPING.to_dict() | {"fields": MAPPING.to_dict()["fields"] | {"received_at": "got"}}
)
SPLIT = SubjectSplit((0.4, 0.2, 0.4))


def made(folder: Path, rows, generator, mapping=MAPPING, **options) -> Dataset:
    options = {"split": SPLIT} | options
    return generate(
        generator,
        write_files(folder / "raw", rows),
        mapping,
        folder / "examples",
        GenerateOptions(**options),
    )


def sorted_examples(visits) -> list:
    return sorted(examples_of(visits))


@pytest.fixture(scope="module")
def bots(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A shop with crawlers, testers and machines among its visitors."""
    return made(tmp_path_factory.mktemp("bots"), ROWS, WithBots())


ROWS = [*made_rows(80), *bot_rows()]


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["visits", "instances"])
@pytest.mark.parametrize(
    "split", [SPLIT, TimeSplit(*map(instant_us, ("2024-03-06", "2024-03-12")))]
)
def test_with_bots_is_the_dataset_that_keeps_them(tmp_path, split, layout) -> None:
    found = made(tmp_path / "a", ROWS, WithBots(), split=split, layout=layout)

    class Keeps(WithBots):
        bots = "keep"

    keeps = made(
        tmp_path / "b", ROWS, Keeps(), split=split, layout=layout, encoder=found.encoder
    )
    expected = sorted_examples(keeps.read("test"))
    assert sorted_examples(found.read_variant("with_bots")) == expected
    assert sorted_examples(found.read("test")) != expected


def test_without_the_flagged_rows_the_dataset_is_the_same(tmp_path, bots) -> None:
    """Flags travel, and leave no trace in the examples."""
    flagged = {id(row) for row in ROWS if "why" in row}
    rows = [row for row in ROWS if id(row) not in flagged]
    clean = made(tmp_path, rows, WithBots(), encoder=bots.encoder)
    assert clean.manifest["digest"] == bots.manifest["digest"]
    assert clean.manifest["splits"] == bots.manifest["splits"]
    assert clean.manifest["variants"] == {} == clean.manifest["selection"]["reasons"]
    assert not (Path(clean.path) / "variants").exists()
    assert clean.variants == ()
    with pytest.raises(DatasetError, match=r"none: nothing.*variant='with_bots'"):
        clean.read_variant("with_bots")


def test_events_subjects_and_label_rates_by_reason(tmp_path, bots) -> None:
    class Keeps(WithBots):
        bots = "keep"

    keeps = made(tmp_path, ROWS, Keeps(), encoder=bots.encoder, split=NoSplit())
    every = keeps.read("test")
    hashes = every.subjects_of_cutoffs()
    first: dict[str, str] = {}
    for reason in RULES:  # in the order in which rules are looked at
        for row in ROWS:
            if row.get("why") == reason:
                first.setdefault(row["visitor"], reason)
    reasons = bots.manifest["selection"]["reasons"]
    assert set(reasons) == set(RULES)
    for reason, said in reasons.items():
        subjects = [who for who, why in first.items() if why == reason]
        own = np.isin(hashes, [subject_hash(who) for who in subjects])
        assert said["events"] == sum(row.get("why") == reason for row in ROWS)
        assert said["subjects"] == len(subjects)
        assert said["examples"] == own.sum()
        rate = every.label[own].mean(dtype=float) if own.any() else None
        assert said["label_rate"] == (rate and pytest.approx(rate))
        assert bots.manifest["counts"][f"events.dropped.bot.{reason}"] == said["events"]
    kept = bots.manifest["selection"]["kept"]
    splits = bots.manifest["splits"].values()
    assert kept["examples"] == sum(split["examples"] for split in splits)
    assert json.loads(json.dumps(bots.manifest)) == bots.manifest


def test_only_touched_subjects_are_written_again(bots) -> None:
    touched = set(bots.read_touched("with_bots").subject_hash.tolist())
    flagged = {subject_hash(row["visitor"]) for row in ROWS if "why" in row}
    test = SPLIT.assign(np.array(sorted(flagged)), *2 * [np.zeros(len(flagged))]) == 2
    wanted = set(np.array(sorted(flagged))[test].tolist())
    assert touched and touched <= wanted
    assert bots.manifest["variants"]["with_bots"]["subjects"] == len(touched)
    parts = {part["path"] for part in bots.manifest["parts"]}
    assert not any(path.startswith("variants/") for path in parts)


@pytest.mark.parametrize("shards", [1, 5])
def test_shards_do_not_matter(tmp_path, bots, shards: int) -> None:
    again = made(tmp_path, ROWS, WithBots(), shards=shards)
    assert again.manifest["counts"] == bots.manifest["counts"]
    assert again.manifest["selection"] == bots.manifest["selection"]
    assert again.manifest["digest"] == bots.manifest["digest"]
    one, two = (d.read_variant("with_bots") for d in (again, bots))
    assert sorted_examples(one) == sorted_examples(two)


@pytest.mark.parametrize("generator", [MadeShop(), Weekly()])
def test_on_time_is_the_dataset_without_receipts(tmp_path, generator) -> None:
    rows = late_rows(made_rows(80))
    found = made(tmp_path / "a", rows, generator, RECEIVED)
    punctual = made(
        tmp_path / "b", rows, generator, MAPPING, encoder=found.encoder
    ).read("test")
    base, variant = found.read("test"), found.read_variant("on_time")
    touched = found.read_touched("on_time").subject_hash

    def of(visits, inside: bool) -> list:
        chosen = np.isin(visits.subject_hash, touched) == inside
        return sorted_examples(visits.take_visits(chosen))

    assert of(variant, True) == of(punctual, True)
    assert of(variant, False) == of(base, False)
    assert of(base, True) != of(variant, True)
    # Whom nothing came late for a cutoff of has the same examples in all three, but
    # for the instants of those whose last event came late.
    assert {e[0] for e in of(base, False)} == {e[0] for e in of(punctual, False)}


def test_late_events_are_those_of_a_plain_loop(tmp_path) -> None:
    """Who has a page view while an earlier event is still under way is touched."""
    rows = late_rows(made_rows(80))
    found = made(tmp_path, rows, MadeShop(), RECEIVED, split=NoSplit())
    touched, lacking = set(), 0
    for who in {row["visitor"] for row in rows}:
        own = sorted((r for r in rows if r["visitor"] == who), key=lambda r: r["time"])
        for place, view in enumerate(own):
            late = any(r["got"] > view["got"] for r in own[:place])
            if view["event"] == "page_view" and late:
                touched.add(subject_hash(who))
    variant = found.read_touched("on_time")
    assert set(variant.subject_hash.tolist()) == touched
    lacking = found.manifest["variants"]["on_time"]["lacking"]
    assert 0 < lacking == found.manifest["selection"]["late_examples"]


def test_a_subject_that_loses_all_examples_is_gone(tmp_path) -> None:
    """A tester's purchase before all else: with it no view of the visit is eligible."""
    time = FIRST + timedelta(days=3)
    rows = [made_row("w", time, "purchase", "/test/1", why="rule.test")]
    rows += [
        made_row("w", time + timedelta(minutes=i), "page_view", "/page/1")
        for i in (1, 2)
    ]
    rows += made_rows(20)
    found = made(tmp_path, rows, WithBots(), split=NoSplit())
    own = subject_hash("w")
    assert (found.read("test").subject_hash == own).any()
    assert found.read_touched("with_bots").subject_hash.tolist() == [own]
    assert own not in found.read_variant("with_bots").subject_hash
    said = found.manifest["variants"]["with_bots"]
    assert (said["examples"], said["label_rate"]) == (0, None)


def test_missing_agents_need_a_mapped_agent(tmp_path) -> None:
    fields = {n: f for n, f in MAPPING.to_dict()["fields"].items() if n != "user_agent"}
    bare = EventMapping.from_dict(MAPPING.to_dict() | {"fields": fields})
    with pytest.raises(GeneratorError, match=r"missing_agents=True\. Map user_agent"):
        made(tmp_path, ROWS, WithoutReceipt(), bare)


def test_empty_visits_replace_and_vanish(bots) -> None:
    test = bots.read("test")
    gone = test.subject_hash[:3]
    empty = empty_visits(gone, sorted(test.statistics))
    left = with_variant(test, empty)
    assert not np.isin(left.subject_hash, gone).any()
    kept = test.take_visits(~np.isin(test.subject_hash, gone))
    assert examples_of(left) == examples_of(kept)
    assert len(concatenate([test, empty])) == len(test) + 3


def test_made_rows_are_late_in_part() -> None:
    rows = late_rows(made_rows(80))
    late = [r for r in rows if r["got"] != r["time"]]
    assert 0 < len(late) < len(rows) / 2
    assert all(datetime.fromisoformat(r["got"]) for r in rows)


def test_a_clock_is_judged_by_its_whole_file(tmp_path) -> None:
    """A machine at full minutes alone in its shard, in a file whose clock runs."""
    day = FIRST + timedelta(days=2)
    burst = [
        made_row("fast", day, "page_view", "/page/1", id=f"fast-{i}") for i in range(14)
    ]
    other = made_row("slow", day + timedelta(seconds=7), "page_view", "/page/2")
    for name, rows, off in (
        ("runs", [*burst, other], False),
        ("stands", [*burst, other | {"time": day.isoformat()}], True),
    ):
        found = generate(
            WithBots(),
            write_files(tmp_path / name, rows, files=1),
            MAPPING,
            tmp_path / f"{name}-examples",
            GenerateOptions(split=NoSplit(), shards=50),
        )
        counts = found.manifest["counts"]
        assert counts.get("events.dropped.bot.rate", 0) == (0 if off else 14)
        assert counts.get("bots.rule_off.time_resolution", 0) == off
        assert found.manifest["selection"]["not_judged"] == off


def test_bots_do_not_move_the_estimated_range(tmp_path) -> None:
    definition = {k: v for k, v in MAPPING.to_dict().items() if k != "observed"}
    people = made_rows(40)
    late = FIRST + timedelta(days=90)
    crawled = [
        made_row("c", late + timedelta(hours=i), "page_view", "/", agent=CRAWLER)
        for i in range(50)
    ]
    mapping = EventMapping.from_dict(definition)
    one = made(tmp_path / "a", people, WithBots(), mapping)
    two = made(tmp_path / "b", [*people, *crawled], WithBots(), mapping)
    assert one.manifest["observed"] == two.manifest["observed"]
    assert one.manifest["digest"] == two.manifest["digest"]


def test_of_a_late_visitor_the_person_s_rows_are_made_again() -> None:
    # A copy without late events has its history's name, which may be a visitor's; the
    # rows carry the person's.
    histories = SimpleNamespace(
        subject=["user:7", "user:8", "anonymous:a", "anonymous:a"],
        subject_hash=np.array([5, 6, 5, 5]),
    )
    cut = Cut(3, SimpleNamespace(histories=histories), np.zeros(0, np.int8))
    assert cut.late_names() == {"user:7", "anonymous:a"}
