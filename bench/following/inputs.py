"""An archive of a day of made events, written as a collector's merged files are."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zap.collect.archive.partitions import parquet_bytes
from zap.events.archive_files import HOME, file_name
from zap.events.mapping import EventMapping

START_US = 1_795_910_400_000_000  # 2026-11-29
DAY_US = 86_400_000_000
FILE_ROWS = 100_000
MAPPING = EventMapping.from_dict(
    {
        "format": "archive",
        "properties": {
            name: {"column": f"properties.{name}", "type": kind}
            for name, kind in (
                ("step", "string"),
                ("campaign", "string"),
                ("visit_number", "int"),
                ("bought_before", "bool"),
            )
        },
    }
)


def made_archive(folder: Path, events: int) -> None:
    """Write the files and their commit.

    Args:
        folder: of the archive.
        events: how many; each visitor has some ten of them.
    """
    rng = random.Random(0)
    day = folder / "source=shop" / "day=2026-11-29"
    day.mkdir(parents=True)
    (folder / HOME).mkdir()
    for first in range(0, events, FILE_ROWS):
        next_ = min(first + FILE_ROWS, events)
        numbered = [*_events(rng, first, next_, events)]
        (day / file_name(first, next_)).write_bytes(parquet_bytes(numbered))
    commit = json.dumps({"format": 1, "position": events, "moves": []})
    (folder / HOME / "commit.json").write_text(commit)


def _events(
    rng: random.Random, first: int, next_: int, events: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    visitors = max(1, events // 10)
    for number in range(first, next_):
        received = START_US + DAY_US * number // events
        event: dict[str, Any] = {
            "event_id": f"e{number}",
            "anonymous_id": f"v{rng.randrange(visitors)}",
            "timestamp": received - rng.randrange(2_000_000),
            "received_at": received,
            "source": "shop",
            "type": "page_view" if rng.random() < 0.9 else "purchase",
            "url": f"https://shop.example/p/{rng.randrange(500)}?q={rng.randrange(9)}",
            "referrer": rng.choice(["https://search.example/", None]),
            "user_agent": rng.choice(["Mozilla/5.0 Firefox/120.0", "Safari/605.1"]),
            "properties": {"step": rng.choice("abc"), "visit_number": 1},
        }
        yield number, {name: v for name, v in event.items() if v is not None}
