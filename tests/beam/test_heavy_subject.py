"""A subject that is too large is dropped whole, in whatever order files are read."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from made_rows import CRAWLER, FIRST, made_row, made_rows, write_rows
from made_shop import MadeShop

from zap.beam import examples as beam_examples
from zap.beam import read as beam_read
from zap.beam.generate import GenerateOptions, generate
from zap.events.mapping import EventMapping
from zap.examples import Bots

MAPPING = EventMapping.load(Path(__file__).parents[1] / "sites" / "made_shop.toml")
LIMIT, HEAVY, FILES = 1_000, 50_000, 5


class Limited(MadeShop):
    max_subject_events = LIMIT
    bots = Bots()


class LimitedPersons(Limited):
    subject = "person"


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files with the heavy subject's events among those of others."""
    folder = tmp_path_factory.mktemp("raw")
    rows = made_rows(60)
    heavy = []
    for number in range(HEAVY):
        row = made_row("big", FIRST + timedelta(seconds=30 * number), "page_view", "/")
        heavy.append(row | {"agent": CRAWLER} if number % 10 == 0 else row)
    dealt = [rows[i::FILES] + heavy[i::FILES] for i in range(FILES)]
    return [write_rows(folder / f"{i}.jsonl", own) for i, own in enumerate(dealt)]


@pytest.fixture(scope="module")
def light(paths: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The same files without the heavy subject."""
    folder = tmp_path_factory.mktemp("light")
    found = []
    for path in map(Path, paths):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        own = [row for row in rows if row["visitor"] != "big"]
        found.append(write_rows(folder / path.name, own))
    return found


def made(where: Path, paths: list[str], generator: Any = None, *args: str):
    options = GenerateOptions(beam_args=args, check=False)
    return generate(generator or Limited(), paths, MAPPING, where, options)


@pytest.fixture
def sliced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of rows that shards were put together of."""
    found: list[int] = []
    real = beam_examples.build_histories

    def noted(table, *args):
        found.append(table.num_rows)
        return real(table, *args)

    monkeypatch.setattr(beam_examples, "build_histories", noted)
    monkeypatch.setattr(beam_read, "BATCH_ROWS", 5_000)
    return found


@pytest.mark.parametrize("workers", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_a_heavy_subject_goes_whole_whatever_is_read_first(
    tmp_path: Path, paths: list[str], light: list[str], sliced: list[int], workers: int
) -> None:
    args = [f"--direct_num_workers={workers}"]
    without = made(tmp_path / "light", light, None, *args).manifest
    rows = sum(sliced)
    orders = (paths, paths[::-1], [*paths[2:], *paths[:2]])
    for number, order in enumerate(orders):
        sliced.clear()
        manifest = made(tmp_path / str(number), list(order), None, *args).manifest
        counts = manifest["counts"]
        assert manifest["digest"] == without["digest"]
        assert counts["histories.dropped.max_subject_events"] == 1
        assert counts["events.dropped.max_subject_events"] == HEAVY * 9 // 10
        assert counts["events.dropped.bot.crawler"] == HEAVY // 10
        assert counts["histories.kept"] == without["counts"]["histories.kept"]
        assert counts["rows.read"] == HEAVY + without["counts"]["rows.read"]
        # Of each kind, flagged or not, one more than the limit; once more for the
        # variant of flagged subjects.
        assert sum(sliced) <= rows + 4 * (LIMIT + 1)


@pytest.mark.slow
def test_with_bots_in_a_heavy_subject_is_still_too_heavy(
    tmp_path: Path, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is withheld changes no variant: the counts are those of all rows."""
    capped = made(tmp_path / "capped", paths).manifest
    monkeypatch.setattr("zap.histories.heavy.FREQUENT", 10**9)
    every = made(tmp_path / "every", paths).manifest
    assert capped["counts"] == every["counts"]
    assert capped["variants"] == every["variants"]
    assert capped["selection"] == every["selection"]
    assert capped["digest"] == every["digest"]


@pytest.mark.slow
def test_persons_are_bounded_too(
    tmp_path: Path, paths: list[str], light: list[str], sliced: list[int]
) -> None:
    definition = MAPPING.to_dict()
    definition["fields"]["user_id"] = "user"
    mapping = EventMapping.from_dict(definition)
    options = GenerateOptions(check=False)
    for name, files in (("light", light), ("heavy", paths)):
        linked = []
        for path in map(Path, files):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            # Half of the events know the user, the others by link alone.
            rows = [
                row | {"user": f"u-{row['visitor']}" if i % 2 else None}
                for i, row in enumerate(rows)
            ]
            linked.append(write_rows(tmp_path / name / path.name, rows))
        sliced.clear()
        found = generate(
            LimitedPersons(), linked, mapping, tmp_path / f"{name}.out", options
        ).manifest["counts"]
        if name == "light":
            kept, least = found["histories.kept"], sum(sliced)
    assert found["histories.kept"] == kept
    assert found["histories.dropped.max_subject_events"] == 1
    assert found["events.dropped.max_subject_events"] == HEAVY * 9 // 10
    assert sum(sliced) <= least + 4 * (LIMIT + 1)
