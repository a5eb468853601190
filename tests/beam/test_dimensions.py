"""Traits from tables of their own, from files to examples, against a plain loop."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any, ClassVar

import numpy as np
import pytest

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import NoSplit
from zap.events.mapping import EventMapping
from zap.examples import (
    ANY,
    Generator,
    Hash,
    Instance,
    Last,
    each,
    event,
    future,
    past,
)

TOML = """
timezone = "UTC"
[fields]
timestamp = "ts"
type = "e"
user_id = "who"
OBSERVED
[[dimensions]]
name = "customers"
input = "customers"
valid_from = "since"
[dimensions.fields]
user_id = "id"
[dimensions.properties]
plan = "plan"
"""
OBSERVED = "[observed]\nfrom = 2024-01-01\nuntil = 2024-02-01\n"


class Paid(Generator):
    """Whether a visitor buys within a day of a view."""

    subject = "user_id"
    cutoffs = each(event(ANY))
    horizon = future(days=1)
    label = future(days=1).any(event("buy"))
    statistics: ClassVar[Any] = {
        "paid": past().last("plan", default="none").equals("paid"),
        "events": past().count(),
    }
    instance = Instance(
        types=ANY,
        last=3,
        fields=[Hash("type")],
        metadata=[Last("plan", Hash("plan"), types=["dimension.customers"])],
        hash_buckets=64,
        metadata_buckets=64,
    )


def day(number: int, hour: int = 0) -> str:
    return f"2024-01-{number:02}T{hour:02}:00:00Z"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any], list[Any]]:
    folder, rng = tmp_path_factory.mktemp("site"), Random(3)
    events = [
        (f"u{rng.randint(0, 9)}", day(rng.randint(2, 29), hour), rng.choice("vvb"))
        for hour in range(24)
        for _ in range(6)
    ]
    plans = [
        (
            f"u{rng.randint(0, 14)}",
            day(rng.randint(1, 31)),
            rng.choice(["paid", "free"]),
        )
        for _ in range(40)
    ]
    plans = [*{(who, when): (who, when, plan) for who, when, plan in plans}.values()]
    (folder / "customers").mkdir()
    rows = "".join(f"{who},{when},{plan}\n" for who, when, plan in plans)
    (folder / "customers" / "c.csv").write_text("id,since,plan\n" + rows)
    names = {"v": "view", "b": "buy"}
    rows = "".join(f"{when},{names[kind]},{who}\n" for who, when, kind in events)
    (folder / "events.csv").write_text("ts,e,who\n" + rows)
    (folder / "m.toml").write_text(TOML.replace("OBSERVED", OBSERVED))
    (folder / "plain.toml").write_text(TOML.replace("OBSERVED", "").split("[[")[0])
    (folder / "estimated.toml").write_text(TOML.replace("OBSERVED", ""))
    return folder, events, plans


def made(folder: Path, mapping: str, out: Path) -> Any:
    options = GenerateOptions(split=NoSplit())
    inputs = [str(folder / "events.csv")]
    return generate(Paid(), inputs, EventMapping.load(folder / mapping), out, options)


def test_a_trait_is_known_from_the_day_it_was_valid(site: Any, tmp_path: Path) -> None:
    folder, events, plans = site
    dataset = made(folder, "m.toml", tmp_path / "out")
    (part,) = [n for n, s in dataset.manifest["splits"].items() if s["examples"]]
    visits = dataset.read(part)
    found = sorted(
        zip(
            visits.instant_us.tolist(),
            visits.statistics["paid"].tolist(),
            visits.statistics["events"].tolist(),
            strict=True,
        )
    )
    expected = []
    for who, when, _ in events:
        own = sorted(since for name, since, _ in plans if name == who and since <= when)
        told = {since: plan for name, since, plan in plans if name == who}
        paid = bool(own) and told[own[-1]] == "paid"
        instant = int(np.datetime64(when[:-1], "us").astype(np.int64))
        before = sum(name == who and time < when for name, time, _ in events)
        expected.append((instant, float(paid), before))
    assert [e[:2] for e in found] == sorted(
        e[:2] for e in expected if e[0] + 86_400_000_000 <= dataset_until()
    )
    assert {e[1] for e in found} == {0.0, 1.0}
    counts = dataset.manifest["counts"]
    assert counts["rows.dimension.customers"] == len(plans)
    assert counts["rows.read"] == len(plans) + len(events)
    paths = {Path(s["path"]).name for s in dataset.manifest["sources"]}
    assert paths == {"c.csv", "events.csv"}


def dataset_until() -> int:
    return int(np.datetime64("2024-02-01", "us").astype(np.int64))


def test_an_estimated_range_is_that_of_the_events(site: Any, tmp_path: Path) -> None:
    folder, events, _ = site
    dataset = made(folder, "estimated.toml", tmp_path / "out")
    days = sorted(when[:10] for _, when, _ in events)
    assert dataset.manifest["observed"]["from"][:10] == days[0]
