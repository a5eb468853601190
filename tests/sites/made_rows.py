"""Rows of a made-up shop's visits, and the files they lie in."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST = datetime(2024, 3, 1, tzinfo=UTC)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"
CRAWLER = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
Row = dict[str, Any]


def made_row(name: str, at: datetime, kind: str, path: str, **more: Any) -> Row:
    """One row; its id is made of the visitor and the time."""
    return {
        "id": f"{name}-{at.timestamp():.0f}",
        "visitor": name,
        "time": at.isoformat(),
        "event": kind,
        "url": f"https://shop.example{path}?q=1",
        "agent": BROWSER,
        "cart": 7,
        **more,
    }


def made_rows(visitors: int = 150, seed: int = 0) -> list[Row]:
    """One or two visits each; who looks into the basket often buys.

    No two rows of a visitor have one timestamp, so their order hangs on nothing else.
    """
    rng = random.Random(seed)
    rows = []
    for number in range(visitors):
        time = FIRST + timedelta(seconds=rng.randrange(20 * 86_400))
        for _ in range(rng.choice((1, 1, 2))):
            rows += _visit(rng, f"v{number}", time)
            time += timedelta(days=rng.choice((1, 2, 5)))
    return rows


def _visit(rng: random.Random, visitor: str, time: datetime) -> list[Row]:
    keen, rows = rng.random() < 0.4, []
    for _ in range(rng.randint(1, 7)):
        basket = keen and rng.random() < 0.6
        path = "/basket" if basket else f"/page/{rng.randrange(8)}"
        rows.append(made_row(visitor, time, "page_view", path))
        time += timedelta(seconds=rng.choice((1, 20, 90)))
    if keen and rng.random() < 0.8:
        rows.append(made_row(visitor, time, "purchase", "/done"))
    return rows


def write_rows(path: Path, rows: Sequence[Row]) -> str:
    """Writes rows as JSON Lines; the path as a text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return str(path)


def write_files(folder: Path, rows: Sequence[Row], files: int = 3) -> list[str]:
    """Deals rows out to files; their paths."""
    return [
        write_rows(folder / f"events-{i}.jsonl", rows[i::files]) for i in range(files)
    ]
