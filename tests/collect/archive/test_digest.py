"""Examples made from the archive are those made from a file of the same events."""

from __future__ import annotations

import json
import os
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import made_exports
import pytest
from made_archived import batch_of, files_of

from zap.beam.generate import GenerateOptions, generate
from zap.collect.archive.options import ArchiveOptions
from zap.collect.archive.sink import ArchiveSink
from zap.datasets.splits import NoSplit
from zap.datasets.store import Dataset
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.times import instant_us

OBSERVED = made_exports.OBSERVED
PROPERTIES = {
    "sku": "properties.sku",
    "total": {"column": "properties.total", "type": "float"},
}
ARCHIVE = {"format": "archive", "properties": PROPERTIES, "observed": OBSERVED}
LINES = {
    "format": "jsonl",
    "fields": {
        **{name: name for name in made_exports.PLAIN_FIELDS},
        **{n: {"column": n, "unit": "us"} for n in ("timestamp", "received_at")},
    },
    "properties": PROPERTIES,
    "observed": OBSERVED,
}


def collected_events() -> list[dict[str, Any]]:
    """Events as the collector has them, in the order of their receipt.

    Times are cut to ten seconds, so that many events of a visitor are told apart by
    the order alone; some come late, and some twice.
    """
    rng = random.Random(3)
    events = []
    for each in made_exports.made_events(80):
        time = each["timestamp"].replace(microsecond=0)
        time -= timedelta(seconds=time.second % 10)
        late = timedelta(seconds=rng.choice((0, 0, 0, 5, 4_000)))
        received = time + late + timedelta(seconds=1)
        properties = {n: each[n] for n in ("sku", "total") if each[n] is not None}
        event = {
            **{n: each[n] for n in made_exports.PLAIN_FIELDS if each[n] is not None},
            "timestamp": instant_us(time.isoformat()),
            "received_at": instant_us(received.isoformat()),
            "source": "shop",
        }
        events.append({**event, "properties": properties} if properties else event)
    events += [dict(each) for each in rng.sample(events, 30)]
    return sorted(events, key=lambda each: each["received_at"])


EVENTS = collected_events()


def dataset_of(path: Path, mapping: dict[str, Any], output: Path) -> Dataset:
    return generate(
        made_exports.Exported(),
        [str(path)],
        EventMapping.from_dict(mapping),
        output,
        GenerateOptions(split=NoSplit(), check=False),
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("lines")
    path = folder / "events.jsonl"
    path.write_text("".join(f"{json.dumps(event)}\n" for event in EVENTS))
    return dataset_of(path, LINES, folder / "examples")


def archive_of(root: Path, cut: int, tidy: bool) -> None:
    sink = ArchiveSink(root, ArchiveOptions(tidy_s=0))
    for first in range(0, len(EVENTS), cut):
        sink.write(batch_of(EVENTS[first : first + cut], first))
        if tidy:
            sink.tidy()
    sink.close()


@pytest.mark.parametrize(("cut", "tidy"), [(1_000, False), (7, False), (5, True)])
def test_the_archive_gives_the_digest_of_the_file(
    tmp_path: Path,
    plain: Dataset,
    cut: int,
    tidy: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    ties = {(e["anonymous_id"], e["timestamp"]) for e in EVENTS}
    assert len(ties) < len(EVENTS) - 30  # by more than what came twice
    archive_of(tmp_path / "archive", cut, tidy)
    dataset = dataset_of(tmp_path / "archive", ARCHIVE, tmp_path / "examples")
    assert sum(p["examples"] for p in plain.manifest["splits"].values()) > 100
    assert dataset.manifest["digest"] == plain.manifest["digest"]
    counts = dataset.manifest["counts"]
    assert counts["events.read"] == plain.manifest["counts"]["events.read"] - 30
    many = len(files_of(tmp_path / "archive"))
    assert many < 40 if cut != 7 else many > 40


def test_the_days_of_an_archive_that_are_over_are_whole(tmp_path: Path) -> None:
    observed = {"partitions": "day=%Y-%m-%d"}
    mapping = EventMapping.from_dict(
        {**ARCHIVE, "observed": observed, "timezone": "Asia/Tokyo"}
    )
    folder = "archive/source=shop/day=2024-03-0"
    paths = [f"{folder}{day}/0-9.parquet" for day in (1, 2, 4)]
    expected = instant_us("2024-03-01"), instant_us("2024-03-04")
    assert observed_range(mapping, paths) == expected
    with pytest.raises(InputError, match=r"observed\.from"):
        observed_range(mapping, paths[:1])
