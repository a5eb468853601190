"""The generators that sketch the source documents, on events made up by hand.

Each goes through its own mapping, histories, slices and the encoder; the labels are
those that a reader of the question would give.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zap.datasets.assemble import as_instances, assemble
from zap.datasets.visits import Visits
from zap.encoding.encoder import Encoder
from zap.encoding.fit import fit, sketch_instance
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.examples.observed import ObservedRange
from zap.examples.registry import load_generator
from zap.examples.slicing import Slices, slice_histories
from zap.histories.build import build_histories
from zap.histories.selection import select_events
from zap.times import instant_us, iso

OBSERVED = ("2024-01-01", "2024-02-25")
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 "
    "(KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def run(name: str, rows: list[dict[str, Any]], folder: Path) -> tuple[Slices, Visits]:
    """The made-up rows from a file of JSON Lines to encoded visits."""
    generator = load_generator(name)
    mapping = EventMapping.load(generator.folder() / generator.mapping)
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    [source] = list_sources([str(path)], mapping)
    batches = []
    for read in read_source(source, mapping):
        assert not read.dead
        kept, _ = select_events(read.events, generator.exclude, generator.bot_rules())
        batches.append(kept)
    histories, _ = build_histories(
        pa.Table.from_batches(batches),
        generator.settings(),
        generator.fields(),
        mapping,
    )
    observed = ObservedRange(*map(instant_us, OBSERVED))
    slices = slice_histories(generator, histories, observed)
    sketches = sketch_instance(generator.instance, slices.histories, slices.cutoffs)
    encoder = Encoder(fit(generator.instance, sketches))
    visits, _ = assemble(slices, encoder)
    _check(visits, slices, encoder)
    return slices, visits


def _check(visits: Visits, slices: Slices, encoder: Encoder) -> None:
    """What must hold of encoded visits, whatever the question."""
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again.fingerprint == encoder.fingerprint
    assert visits.cutoffs == len(slices.cutoffs) > 0
    assert visits.label.tolist() == slices.label.tolist()
    assert (visits.stop - visits.start <= encoder.instance.last).all()
    assert (visits.stop > visits.start).any()
    for rows, size in (
        (visits.events, encoder.event_size),
        (visits.metadata, encoder.metadata_size),
    ):
        assert ((rows.indices >= 0) & (rows.indices < size)).all()
        assert ((rows.values >= 0) & (rows.values <= 1)).all()
    plain = as_instances(visits)
    assert (
        np.diff(plain.event_offsets).tolist() == (visits.stop - visits.start).tolist()
    )


def labels(slices: Slices) -> dict[tuple[str, str], float]:
    cutoffs = slices.cutoffs
    return {
        (slices.histories.subject[row], iso(instant)): label
        for row, instant, label in zip(
            cutoffs.subject, cutoffs.instant_us, slices.label.tolist(), strict=True
        )
    }


def test_advertiser_churn(tmp_path: Path) -> None:
    """Spent every noon of 1-10 January and once more on the 30th."""

    def row(who: str, day: int, event: str, amount: float) -> dict[str, Any]:
        return {
            "time": f"2024-01-{day:02}T12:00:00Z",
            "event": event,
            "advertiser": who,
            "campaign": "spring",
            "country": "NL",
            "amount": amount,
            "clicks": day,
        }

    rows = [row("steady", day, "spend", 5.0) for day in (*range(1, 11), 30)]
    rows += [row("steady", 20, "click", 0.0)]
    rows += [row("nothing spent", day, "spend", 0.0) for day in range(1, 11)]
    slices, _ = run("advertiser_churn", rows, tmp_path)
    # Active from the day after the first spend to a week after the last; the week that
    # begins in 14 days holds the 30th for the 10th to the 16th.
    wanted = {f"2024-01-{day:02}": 1.0 for day in (*range(2, 10), 17, 31)}
    wanted |= {f"2024-01-{day:02}": 0.0 for day in range(10, 17)}
    wanted |= {f"2024-02-{day:02}": 1.0 for day in range(1, 5)}
    assert labels(slices) == {
        ("steady", f"{day}T00:00:00Z"): label for day, label in wanted.items()
    }
    assert slices.counts["cutoffs.dropped.censored"] == 2  # 5 and 6 February


def test_free_day_30_upgrade(tmp_path: Path) -> None:
    def row(
        site: str, time: str, event: str, plan: str | None = None
    ) -> dict[str, Any]:
        return {
            "time": f"2024-{time}",
            "event": event,
            "site": site,
            "owner": "o",
            "plan": plan,
            "url": f"https://example.com/{event}?site={site}",
        }

    rows = [row(f"s{i}", "01-01T10:00:00Z", "site_registered") for i in range(1, 6)]
    rows += [
        row("s1", "02-05T00:00:00Z", "plan_purchased", "premium"),
        row("s2", "01-10T00:00:00Z", "plan_purchased", "premium"),
        row("s4", "02-14T10:00:00Z", "plan_purchased", "premium"),
        row("s5", "01-05T00:00:00Z", "plan_purchased", "premium"),
        row("s5", "01-20T00:00:00Z", "plan_cancelled", "free"),
        row("s5", "02-14T09:59:59Z", "plan_purchased", "premium"),
        row("new", "01-20T10:00:00Z", "site_registered"),
    ]
    slices, visits = run("free_day_30_upgrade", rows, tmp_path)
    day_30 = "2024-01-31T10:00:00Z"
    assert labels(slices) == {
        ("s1", day_30): 1.0,
        ("s3", day_30): 0.0,
        ("s4", day_30): 0.0,  # on Day 44 itself, so after the window
        ("s5", day_30): 1.0,
    }
    assert slices.counts["cutoffs.dropped.not_eligible"] == 1
    assert slices.counts["cutoffs.dropped.censored"] == 1
    # The registration lies 30 days back: at the edge of the lookback, and inside.
    assert sorted((visits.stop - visits.start).tolist()) == [1, 1, 1, 3]


def test_newsletter_signup(tmp_path: Path) -> None:
    def row(
        who: str, time: str, kind: str, host: str = "example.com", agent: str = CHROME
    ) -> dict[str, Any]:
        return {
            "messageId": f"{who}-{time}",
            "anonymousId": who,
            "timestamp": f"2024-01-10T{time}:00Z",
            "receivedAt": f"2024-01-10T{time}:01Z",
            "event": kind,
            "context": {
                "page": {"url": f"https://{host}/a/b", "referrer": "https://ref.org/"},
                "userAgent": agent,
            },
        }

    rows = [
        row("a", "10:00", "page_view"),
        row("a", "10:01", "prediction_point"),
        row("a", "10:02", "click"),
        row("a", "10:03", "prediction_point"),
        row("a", "10:04", "newsletter_signup"),
        row("a", "10:05", "prediction_point"),
        row("b", "10:00", "page_view"),
        row("b", "10:01", "prediction_point"),
        row("b", "11:00", "newsletter_signup"),
        row("bot", "10:00", "page_view", agent=GOOGLEBOT),
        row("bot", "10:01", "prediction_point", agent=GOOGLEBOT),
        row("tester", "10:00", "page_view", "qa.example.com"),
        row("tester", "10:01", "prediction_point"),
    ]
    slices, visits = run("newsletter_signup", [*rows, rows[1]], tmp_path)
    assert labels(slices) == {
        ("a", "2024-01-10T10:01:01Z"): 1.0,
        ("a", "2024-01-10T10:03:01Z"): 1.0,
        ("b", "2024-01-10T10:01:01Z"): 0.0,
        ("tester", "2024-01-10T10:01:01Z"): 0.0,
    }
    assert slices.counts["cutoffs.dropped.not_eligible"] == 1
    assert sorted(slices.statistics["clicks"].tolist()) == [0, 0, 0, 1]
    assert sorted(slices.statistics["seconds"].tolist()) == [0, 60, 60, 180]
    assert sorted((visits.stop - visits.start).tolist()) == [0, 1, 1, 2]


def test_recipe_box_churn(tmp_path: Path) -> None:
    def row(who: str, day: str, event: str) -> dict[str, Any]:
        return {
            "id": f"{who}{day}{event}",
            "customer": who,
            "time": f"2024-{day}T08:00:00Z",
            "event": event,
            "rating": 4,
            "amount": 39.5,
        }

    rows = [
        row("1", "01-01", "order"),
        row("1", "01-03", "delivery"),
        row("1", "01-20", "order"),
        row("1", "01-22", "delivery"),
        row("2", "01-01", "order"),
        row("2", "01-02", "subscription_cancelled"),
        row("2", "01-03", "delivery"),
        row("3", "01-01", "order"),
        row("3", "02-10", "delivery"),
        row("4", "01-01", "order"),
        row("4", "01-03", "delivery"),
        row("4", "01-31", "order"),  # four weeks to the second: after the window
        row("4", "02-02", "delivery"),  # observed until the 25th only
    ]
    slices, _ = run("recipe_box_churn", rows, tmp_path)
    assert labels(slices) == {
        ("1", "2024-01-03T08:00:00Z"): 0.0,
        ("1", "2024-01-22T08:00:00Z"): 1.0,
        ("4", "2024-01-03T08:00:00Z"): 1.0,
    }
    assert slices.counts["cutoffs.dropped.not_eligible"] == 2
    assert slices.counts["cutoffs.dropped.censored"] == 1
    assert sorted(slices.statistics["orders"].tolist()) == [1, 1, 2]


@pytest.mark.parametrize(
    "name",
    [
        "advertiser_churn",
        "free_day_30_upgrade",
        "newsletter_signup",
        "recipe_box_churn",
    ],
)
def test_a_sketch_reads_only_what_its_mapping_gives(name: str) -> None:
    generator = load_generator(name)
    mapping = EventMapping.load(generator.folder() / generator.mapping)
    assert generator.subject in {*mapping.fields, *mapping.properties}
