"""Weeks of a made-up shop, whole and spoiled: what tests of retraining are fed with."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from made_rows import FIRST, Row, made_row
from made_shop import MadeShop

from zap.examples import Hash, Instance, SincePrevious

MAPPING = str(Path(__file__).with_name("made_weeks.toml"))
DAY = timedelta(days=1)
SMALL = {
    "epochs": 3,
    "embedding": 6,
    "units": 6,
    "metadata_units": 4,
    "merged_units": 6,
    "learning_rate": 0.02,
}
LOOSE = {"quality": {"margin": 0.15, "draws": 200, "slice_outcomes": 500}}
"""What few rows can prove: with the margin that is meant, nothing would ever pass."""


class WeeklyShop(MadeShop):
    """After every page view: will this visit end in a purchase?"""

    mapping = "made_weeks.toml"
    instance = Instance(
        types=["page_view"],
        last=4,
        fields=[Hash("url.path"), Hash("place"), SincePrevious()],
        hash_buckets=32,
    )


class OtherWeekly(WeeklyShop):
    """The same question, asked of fewer events and fields."""

    instance = Instance(
        types=["page_view"], last=2, fields=[Hash("url.path")], hash_buckets=16
    )


def weekly_rows(weeks: int, visits: int = 260, seed: int = 0) -> list[Row]:
    """About so many visits a week, each of a visitor of its own, by time."""
    rng = random.Random(seed)
    rows = []
    for number in range(weeks * visits):
        time = FIRST + timedelta(seconds=rng.randrange(weeks * 7 * 86_400 - 7_200))
        rows += _visit(rng, f"v{number}", time)
    return sorted(rows, key=lambda row: str(row["time"]))


def _visit(rng: random.Random, visitor: str, time: datetime) -> list[Row]:
    keen, rows = rng.random() < 0.4, []
    place = rng.choice(("north", "south", "east"))
    for _ in range(rng.randint(2, 6)):
        basket = rng.random() < (0.6 if keen else 0.05)
        path = "/basket" if basket else f"/page/{rng.randrange(8)}"
        rows.append(made_row(visitor, time, "page_view", path, place=place))
        time += timedelta(seconds=rng.choice((5, 20, 90)))
    if rng.random() < (0.75 if keen else 0.05):
        rows.append(made_row(visitor, time, "purchase", "/done", place=place))
    return rows


def from_day(rows: Iterable[Row], day: datetime) -> tuple[list[Row], list[Row]]:
    """The rows before a day, and those from it on."""
    parts: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        parts[str(row["time"]) >= day.isoformat()].append(row)
    return parts


def without_purchases(rows: list[Row]) -> list[Row]:
    """A feed that lost its purchases."""
    return [row for row in rows if row["event"] != "purchase"]


def twice(rows: list[Row], share: float = 0.5, new_ids: bool = True) -> list[Row]:
    """A share of the events sent again, under new ids or under their own."""
    rng = random.Random(1)
    again = [row for row in rows if rng.random() < share]
    if new_ids:
        again = [{**row, "id": f"again-{row['id']}"} for row in again]
    return rows + again


def one_place(rows: list[Row]) -> list[Row]:
    """A field that says one thing only."""
    return [{**row, "place": "north"} for row in rows]


def shuffled(rows: list[Row], seed: int = 2) -> list[Row]:
    """Purchases that end visits which have nothing to do with them."""
    rng = random.Random(seed)
    views = without_purchases(rows)
    last = {str(row["visitor"]): row for row in views}
    count = len(rows) - len(views)
    chosen = rng.sample(sorted(last), count)
    moved = []
    for visitor in chosen:
        row = last[visitor]
        time = datetime.fromisoformat(str(row["time"])) + timedelta(seconds=5)
        moved.append(made_row(visitor, time, "purchase", "/done", place=row["place"]))
    return views + moved
