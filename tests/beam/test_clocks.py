"""A clock is judged by all that its file shows, and by nothing of other files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from made_rows import FIRST, made_row, made_rows, write_rows
from made_shop import MadeShop

from zap.beam import read
from zap.beam.generate import GenerateOptions, generate
from zap.events.mapping import EventMapping
from zap.examples import Bots, Rate

MAPPING = EventMapping.load(Path(__file__).parents[1] / "sites" / "made_shop.toml")


class Paced(MadeShop):
    """Visitors that look at ten pages in a minute are taken for bots."""

    bots = Bots(rate=Rate(events=10, seconds=60))


def racers(name: str, second: float) -> list[dict]:
    """Twenty visitors of twelve page views each, so many seconds apart."""
    return [
        made_row(
            f"{name}{number}",
            FIRST + timedelta(minutes=67 * number, seconds=view * second),
            "page_view",
            f"/page/{view}",
            id=f"{name}{number}-{view}",
        )
        for number in range(20)
        for view in range(12)
    ]


def test_only_files_with_fine_clocks_are_judged_by_pace(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(read, "BATCH_ROWS", 50)
    paths = [
        write_rows(tmp_path / "fine.jsonl", racers("fine", 1)),
        write_rows(tmp_path / "coarse.jsonl", racers("coarse", 0)),
        write_rows(tmp_path / "people.jsonl", made_rows(60)),
    ]
    options = GenerateOptions(check=False, shards=3)
    counts = generate(Paced(), paths, MAPPING, tmp_path / "out", options).manifest[
        "counts"
    ]
    assert counts["events.dropped.bot.rate"] == 240
    assert counts["bots.rule_off.time_resolution"] == 20
