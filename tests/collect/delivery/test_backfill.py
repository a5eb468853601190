"""A store and an archive's day that are made again hold what they held."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from made_collected import (
    SECOND_US,
    START_US,
    archived,
    first_of_each,
    made_events,
    made_records,
)
from made_delivery import Site
from made_sinks import QUICK, delivering, until

from zap.cli.main import main
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.sink import ArchiveSink
from zap.collect.delivery.options import DeliveryOptions
from zap.collect.spool import Positions, Spool, SpoolOptions, SpoolReader, trim
from zap.times import DAY_US, iso

EVENTS = made_events(300, seed=5, step_s=900)  # three days and a few hours
RECORDS = made_records(EVENTS)
DAY = "2026-03-02"


def delivered(folder: Path, archived_to: int = len(RECORDS)) -> Site:
    """A site whose archive has all events, or some; its store has none."""
    site = Site(folder)
    sink = ArchiveSink(site.archive, ArchiveOptions(tidy_s=0))
    with Spool(site.spool, SpoolOptions(segment_bytes=10_000)) as spool:
        with delivering(
            site.spool, [sink], DeliveryOptions(**{**vars(QUICK), "most": 70})
        ):
            for begin in range(0, archived_to, 25):
                spool.append(RECORDS[begin : min(begin + 25, archived_to)])
        if archived_to < len(RECORDS):
            spool.append(RECORDS[archived_to:])
    return site


def run(site: Site, capsys: Any, *arguments: str) -> Any:
    code = main(["backfill", "--config", str(site.config), "--json", *arguments])
    assert code == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("archived_to", [0, 200, len(RECORDS)])
def test_a_store_is_filled_from_archive_and_spool(
    tmp_path: Path, capsys: Any, archived_to: int
) -> None:
    site = delivered(tmp_path, archived_to)
    arguments = ["--from", "2026-03-01", "--to", "2026-03-20", "--keep-days", "36500"]
    found = run(site, capsys, *arguments)
    assert found["new"] > 0 and found["applications"] == ["people", "shop"]
    expected = site.pasts_by_hand(list(enumerate(EVENTS)))
    assert site.pasts() == expected
    assert run(site, capsys, *arguments)["new"] == 0
    assert site.pasts() == expected


def test_what_is_no_folder_of_a_day_is_left_alone(tmp_path: Path, capsys: Any) -> None:
    site = delivered(tmp_path)
    there = next(site.archive.glob("source=*/day=*"))
    shutil.copytree(there, there.with_name(f"{there.name} copy"))
    arguments = ["--from", "2026-03-01", "--to", "2026-03-20", "--keep-days", "36500"]
    run(site, capsys, *arguments)
    assert site.pasts() == site.pasts_by_hand(list(enumerate(EVENTS)))


def test_only_what_was_received_in_the_time_is_added(
    tmp_path: Path, capsys: Any
) -> None:
    site = delivered(tmp_path, 200)
    since, until_us = START_US + DAY_US, START_US + 2 * DAY_US + 3600 * SECOND_US
    found = run(
        site,
        capsys,
        *("--from", iso(since), "--to", iso(until_us), "--keep-days", "36500"),
    )
    within = [
        (number, event)
        for number, event in enumerate(EVENTS)
        if since <= event["received_at"] < until_us
    ]
    assert 0 < len(within) < len(EVENTS) and found["new"] > 0
    assert site.pasts() == site.pasts_by_hand(within)


def test_a_backfill_beside_what_is_there_adds_nothing_twice(
    tmp_path: Path, capsys: Any
) -> None:
    site = delivered(tmp_path)
    all_days = ("--from", "2026-03-01", "--to", "2026-03-20", "--keep-days", "36500")
    run(site, capsys, "--from", DAY, "--to", "2026-03-03", "--keep-days", "36500")
    run(site, capsys, *all_days)
    assert site.pasts() == site.pasts_by_hand(list(enumerate(EVENTS)))


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("begins before it ends", ["--from", "2026-03-02", "--to", "2026-03-02"]),
        ("--from and --to", ["--from", "2026-03-02"]),
        ("a day as", ["--archive-day", "yesterday"]),
        ("one after the other", ["--archive-day", DAY, "--from", DAY]),
    ],
)
def test_what_is_not_clear_is_refused(
    tmp_path: Path, capsys: Any, said: str, arguments: list[str]
) -> None:
    site = Site(tmp_path)
    assert main(["backfill", "--config", str(site.config), *arguments]) == 2
    assert said in capsys.readouterr().err


def files_of(site: Site, day: str = DAY) -> list[Path]:
    return sorted(site.archive.glob(f"source=*/day={day}/*.parquet"))


def flip(path: Path) -> None:
    """Turn the bits of a byte of the events' data."""
    group = pq.read_metadata(path).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    data = next(column for column in columns if column.path_in_schema == "data")
    found = bytearray(path.read_bytes())
    found[data.data_page_offset + data.total_compressed_size - 5] ^= 0xFF
    path.write_bytes(bytes(found))


def rows(site: Site) -> list[tuple[str, str, int]]:
    expected = first_of_each(EVENTS)
    return sorted(((*n, at) for n, at in expected.items()), key=lambda row: row[2])


@pytest.mark.parametrize(
    "damage", ["none", "one gone", "all gone", "one cut", "all empty", "one flipped"]
)
def test_a_day_of_the_archive_is_made_again(
    tmp_path: Path, capsys: Any, damage: str
) -> None:
    site = delivered(tmp_path)
    whole = {path: path.read_bytes() for path in files_of(site)}
    assert len(whole) > 5
    some = list(whole)[3]
    for path in whole:
        if damage == "all gone" or (damage == "one gone" and path == some):
            path.unlink()
        elif damage == "all empty":
            path.write_bytes(b"")
        elif damage == "one cut" and path == some:
            path.write_bytes(whole[path][:-20])
        elif damage == "one flipped" and path == some:
            flip(path)
    found = run(site, capsys, "--archive-day", DAY)
    assert archived(site.archive) == rows(site)
    lost = {"none": 0, "all gone": len(whole), "all empty": len(whole)}
    assert found["whole"] == len(whole) - lost.get(damage, 1)
    assert len(found["set_aside"]) == (
        {"all empty": len(whole), "one cut": 1, "one flipped": 1}.get(damage, 0)
    )
    again = run(site, capsys, "--archive-day", DAY)
    assert again["added"] == 0 and again["set_aside"] == []
    assert archived(site.archive) == rows(site)


def test_merged_files_that_are_damaged_are_replaced_by_their_parts(
    tmp_path: Path, capsys: Any
) -> None:
    site = delivered(tmp_path)
    before = files_of(site)
    sink = ArchiveSink(site.archive, ArchiveOptions(tidy_s=0))
    sink.tidy()
    sink.close()
    merged = [path for path in files_of(site) if path not in before]
    assert merged, "small files of a day that is over are merged"
    for path in merged:
        path.write_bytes(path.read_bytes()[:100])
    found = run(site, capsys, "--archive-day", DAY)
    assert found["added"] == 0 and len(found["set_aside"]) == len(merged)
    assert files_of(site) == before


def test_an_event_that_was_sent_again_on_the_day_is_not_taken_twice(
    tmp_path: Path, capsys: Any
) -> None:
    """The first is of the day before; the repeat stands among the day's records."""
    day = date.fromisoformat(DAY)
    first = next(e for e in EVENTS if iso(e["received_at"]).startswith("2026-03-01"))
    again = {**first, "received_at": START_US + DAY_US}
    site = Site(tmp_path)
    records = made_records([first, again, *EVENTS[150:160]])
    with (
        Spool(site.spool) as spool,
        delivering(site.spool, [ArchiveSink(site.archive)]),
    ):
        spool.append(records)
        until(lambda: Positions(site.spool).get("archive") == len(records))
    expected = archived(site.archive)
    for folder in site.archive.glob(f"source=*/day={DAY}"):
        shutil.rmtree(folder)
    found = run(site, capsys, "--archive-day", DAY)
    assert archived(site.archive) == expected and found["repeated"] >= 1
    other = day + timedelta(days=5)
    assert run(site, capsys, "--archive-day", other.isoformat())["whole"] == 0


def test_what_the_spool_no_longer_has_is_not_given_up(
    tmp_path: Path, capsys: Any
) -> None:
    site = delivered(tmp_path)
    trim(site.spool, {"archive": 200}, keep_s=0)
    assert SpoolReader(site.spool).oldest > 100
    path = files_of(site)[0]
    path.write_bytes(b"damaged")
    assert main(["backfill", "--config", str(site.config), "--archive-day", DAY]) == 2
    assert "the spool still has" in capsys.readouterr().err
    assert path.read_bytes() == b"damaged", "nothing was touched"
