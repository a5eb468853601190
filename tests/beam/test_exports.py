"""The main job on each export: the dataset of the same events as plain JSON Lines."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import made_exports as made
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.splits import NoSplit
from zap.datasets.store import Dataset
from zap.events.mapping import EventMapping
from zap.events.snapshot_events import write_snapshot_events
from zap.events.snapshot_states import SnapshotOptions
from zap.examples import Generator, Hash, Instance, each, event, future

EVENTS = made.made_events()


def dataset_of(folder: Path, path: Path, mapping: dict[str, Any], **more) -> Dataset:
    return generate(
        made.Exported(),
        [str(path)],
        EventMapping.from_dict(mapping),
        folder / f"{path.name}.examples",
        GenerateOptions(split=NoSplit(), check=False, **more),
    )


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("plain")
    path = made.write_plain(folder / "plain.jsonl", EVENTS)
    return dataset_of(folder, path, made.plain_mapping())


def assert_same(dataset: Dataset, plain: Dataset) -> None:
    assert sum(p["examples"] for p in plain.manifest["splits"].values()) > 100
    assert dataset.manifest["digest"] == plain.manifest["digest"]
    counts, wanted = dataset.manifest["counts"], plain.manifest["counts"]
    assert counts["events.read"] == wanted["events.read"] == len(EVENTS)


def test_segment_gives_the_same_dataset(tmp_path: Path, plain: Dataset) -> None:
    path = made.write_segment(tmp_path / "calls.json", EVENTS)
    assert_same(dataset_of(tmp_path, path, made.SEGMENT), plain)


def test_snowplow_gives_the_same_dataset(tmp_path: Path, plain: Dataset) -> None:
    path = made.write_snowplow(tmp_path / "enriched", EVENTS)
    assert_same(dataset_of(tmp_path, path, made.SNOWPLOW), plain)


@pytest.mark.parametrize("write", [made.write_ga4_json, made.write_ga4_parquet])
def test_ga4_gives_the_same_dataset(tmp_path: Path, plain: Dataset, write: Any) -> None:
    # No receipt tells that an event was late, so the plain rows have none either.
    rows = [{**each, "received_at": None} for each in EVENTS]
    beside = made.write_plain(tmp_path / "beside.jsonl", rows)
    expected = dataset_of(tmp_path, beside, made.plain_mapping(*made.GA4_LACKS))
    path = write(tmp_path / "events_20240301-000000000000", EVENTS)
    assert_same(dataset_of(tmp_path, path, made.GA4), expected)


def test_bad_rows_are_counted_and_kept(tmp_path: Path) -> None:
    lines = [made.snowplow_line(made.snowplow_cells(one)) for one in EVENTS]
    rng = random.Random(1)
    cut, torn, timeless = rng.sample(range(len(lines)), 3)
    lines[cut] = lines[cut].replace("\t", " ", 1)
    lines[torn] = made.snowplow_line(made.snowplow_cells(EVENTS[torn]) | {52: '{"a"'})
    lines[timeless] = made.snowplow_line(
        made.snowplow_cells(EVENTS[timeless]) | {3: "", 124: ""}
    )
    path = tmp_path / "enriched.tsv"
    path.write_text("".join(lines), encoding="utf-8")
    dataset = dataset_of(tmp_path, path, made.SNOWPLOW, max_bad_share=0.02)
    counts = dataset.manifest["counts"]
    bad = {name: n for name, n in counts.items() if name.startswith("rows.bad")}
    assert bad == {
        "rows.bad.snowplow.columns": 1,
        "rows.bad.json.invalid": 1,
        "rows.bad.timestamp.missing": 1,
    }
    assert counts["rows.read"] == len(lines) == counts["events.read"] + 3
    (letters,) = (Path(dataset.path) / "dead_letters").glob("*.jsonl")
    assert letters.read_text().count("\n") == 3


class Leaves(Generator):
    """Whenever somebody's row changes: will it be gone within five days?"""

    subject = "user_id"
    cutoffs = each(event("users.changed"))
    label = future(days=5).any(event("users.deleted"))
    instance = Instance(
        types=["users.present", "users.created", "users.changed"],
        last=4,
        fields=[Hash("type"), Hash("plan"), Hash("changed")],
        hash_buckets=32,
    )


def made_states(days: int = 20) -> list[dict[str, str]]:
    """The plans of some users at the end of each day."""
    rng, states, plans = random.Random(0), [], {}
    for _ in range(days):
        for user in rng.sample([f"u{number}" for number in range(40)], 12):
            if user in plans and rng.random() < 0.25:
                del plans[user]
            else:
                plans[user] = rng.choice(("free", "paid", "pro"))
        states.append(dict(plans))
    return states


def told_by_hand(states: list[dict[str, str]]) -> list[dict[str, Any]]:
    """What happened between the states, as plain rows."""
    rows = []
    for day, new in enumerate(states):
        old = states[day - 1] if day else {}
        at = f"2024-03-{day + 2:02d}T00:00:00Z"  # when the day is over
        for user in sorted({*old, *new}):
            kind = "deleted" if user not in new else "changed"
            if user not in old:
                kind = "created" if day else "present"
            if old.get(user) != new.get(user):
                plan = new.get(user, old.get(user))
                changed = "plan" if kind == "changed" else None
                one = {"user": user, "at": at, "kind": f"users.{kind}"}
                rows.append(one | {"plan": plan, "changed": changed})
    return rows


def test_states_of_a_table_give_the_same_dataset(tmp_path: Path) -> None:
    states = made_states()
    for day, plans in enumerate(states):
        table = pa.table({"id": [*plans], "plan": [*plans.values()]})
        pq.write_table(table, tmp_path / f"users_2024-03-{day + 1:02d}.parquet")
    output = tmp_path / "events.parquet"
    options = SnapshotOptions(key="id", name="users", day="users_%Y-%m-%d.parquet")
    write_snapshot_events([f"{tmp_path}/users_*.parquet"], output, options)
    rows = made.write_lines(tmp_path / "plain.jsonl", told_by_hand(states))
    fields = {"user_id": "user", "timestamp": "at", "type": "kind"}
    properties = {"plan": "plan", "changed": "changed"}
    plain = {"fields": fields, "properties": properties, "observed": made.OBSERVED}
    ready = {
        "format": "snapshots",
        "properties": {"plan": "row.plan", "changed": "changed"},
        "observed": made.OBSERVED,
    }
    both = [
        generate(
            Leaves(),
            [str(path)],
            EventMapping.from_dict(mapping),
            tmp_path / f"{path.name}.examples",
            GenerateOptions(split=NoSplit(), check=False),
        )
        for path, mapping in ((output, ready), (rows, plain))
    ]
    examples = [sum(p["examples"] for p in d.manifest["splits"].values()) for d in both]
    assert examples[0] == examples[1] > 50
    assert both[0].manifest["digest"] == both[1].manifest["digest"]
