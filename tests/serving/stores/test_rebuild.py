"""A store that is rebuilt from the archive answers as the one that was fed live."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from made_bundles import deployed, made_bundle
from made_events import HOUR_US
from made_run import MAPPING, ROWS
from made_stores import Clock, in_memory

from zap.bundles.registry import Registry
from zap.cli.main import main
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last, Tenure
from zap.errors import MappingError, RegistryError
from zap.events.mapping import EventMapping
from zap.jobs.forget import forget
from zap.jobs.store import rebuild
from zap.serving.stores import Need, open_store
from zap.serving.stores.wanted import needs_of
from zap.times import iso

START_US = 1_709_251_200_000_000  # 2024-03-01
INSTANCE = Instance(
    types=["view", "buy"],
    last=3,
    fields=[Hash("url.path"), Hash("amount"), SincePrevious(1800, 7200, 86400, 12)],
    metadata=[
        Last("plan", Hash("plan"), types=["dimension.plans"]),
        Tenure(3600, 7200, 864000, 8),
    ],
    hash_buckets=32,
    metadata_buckets=8,
)
NEEDS = {
    "visitors": Need.of(INSTANCE, "anonymous_id"),
    "persons": Need.of(INSTANCE, "person"),
}
FIELDS = """
[fields]
event_id = "id"
anonymous_id = "visitor"
user_id = "user"
timestamp = "time"
received_at = "received"
sequence = "number"
type = "event"
url = "url"

[properties.amount]
column = "amount"
type = "float"

[properties.plan]
column = "plan"
type = "string"

[[dimensions]]
name = "plans"
input = "plans.csv"
valid_from = "since"
[dimensions.fields]
anonymous_id = "visitor"
[dimensions.properties.plan]
column = "plan"
type = "string"
"""


def some_events(count: int = 400, seed: int = 0) -> list[dict[str, Any]]:
    """Posted events of visitors who log in and share devices, in order of receipt."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        at = START_US + i * HOUR_US
        user = f"u{rng.randrange(4)}" if rng.random() < 0.2 else None
        found.append(
            {
                "event_id": f"e{i}",
                "anonymous_id": f"v{rng.randrange(8)}" if rng.random() < 0.9 else None,
                "user_id": user,
                "timestamp": at - rng.choice([0, 0, 3]) * HOUR_US,
                "received_at": at,
                "sequence": i,
                "type": rng.choice(["view", "view", "buy", "search"]),
                "url": f"https://shop.example/page/{rng.randrange(9)}",
                "amount": rng.choice([None, 1.5]),
            }
        )
    return found


def archived(folder: Path, events: list[dict[str, Any]]) -> list[str]:
    """The events as files of an archive, dealt out at random."""
    rows = [
        {
            "id": e["event_id"],
            "visitor": e["anonymous_id"],
            "user": e["user_id"],
            "time": iso(e["timestamp"]),
            "received": iso(e["received_at"]),
            "number": e["sequence"],
            "event": e["type"],
            "url": e["url"],
            "amount": e["amount"],
        }
        for e in events
    ]
    random.Random(1).shuffle(rows)
    paths = [folder / f"part-{i}.jsonl" for i in range(3)]
    for i, path in enumerate(paths):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows[i::3]))
    (folder / "plans.csv").write_text(
        "visitor,since,plan\nv1,2020-01-01T00:00:00Z,pro\nv2,2024-03-02T00:00:00Z,free\n"
    )
    (folder / "site.toml").write_text(FIELDS)
    return [str(path) for path in paths]


def test_a_rebuilt_store_answers_as_one_that_was_fed_live(tmp_path: Path) -> None:
    events = some_events()
    end_us = events[-1]["received_at"]
    clock = Clock()
    live = in_memory(clock, *NEEDS.values())
    for event in events:
        clock.now_us = event["received_at"]
        live.append([event])
    plans = [
        {"type": "dimension.plans", "anonymous_id": n, "plan": plan, "event_id": n}
        for n, plan in (("v1", "pro"), ("v2", "free"))
    ]
    times = (1_577_836_800_000_000, START_US + 24 * HOUR_US)
    live.append([{**p, "timestamp": t} for p, t in zip(plans, times, strict=True)])

    anew = in_memory(Clock(end_us))
    mapping_path = archived(tmp_path, events)
    mapping = EventMapping.load(tmp_path / "site.toml")
    read: list[str] = []
    found = rebuild(anew, NEEDS, mapping, mapping_path, read.append)

    assert found.sources == 4 and found.read["rows.read"] == len(events) + 2
    assert len(read) == 8 and found.repeated == 0
    asked = {
        "visitors": [f"v{i}" for i in range(8)],
        "persons": [f"user:u{i}" for i in range(4)]
        + [f"anonymous:v{i}" for i in range(8)],
    }
    for name, subjects in asked.items():
        for later in (0, 50 * HOUR_US):
            one, other = (
                store.pasts(subjects, NEEDS[name], end_us + later)
                for store in (live, anew)
            )
            assert [told(past) for past in other] == [told(past) for past in one]
            assert any(past.events for past in one)
    again = rebuild(anew, NEEDS, mapping, mapping_path)
    assert again.new == 0
    assert told(anew.past("v1", NEEDS["visitors"], end_us))[-1].get("plan") is None


def test_a_rebuild_for_one_application_takes_nothing_from_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two questions about the same visitors share the visitors' documents."""
    sees = {
        name: Instance(
            types=[kind],
            last=9,
            fields=[Hash("amount")],
            metadata=[Last("page", Hash("page"), types=["view"])],
            hash_buckets=8,
            metadata_buckets=16,
        )
        for name, kind in (("views", "view"), ("buys", "buy"))
    }
    for name, instance in sees.items():
        bundle = made_bundle(tmp_path / name, sees=instance, application=name)
        deployed(tmp_path / "models", bundle, name)
    inputs = archived(tmp_path, some_events())
    site = tmp_path / "site.toml"
    site.write_text(f'{site.read_text()}\n[properties.page]\ncolumn = "url"\n')
    url = f"sqlite:{tmp_path / 'events.db'}"
    arguments = [f"--input={path}" for path in inputs]
    arguments += ["--mapping", str(tmp_path / "site.toml"), "--store", url, "--json"]
    arguments += ["--registry", str(tmp_path / "models"), "--keep-days", "9999"]

    def pasts() -> list[Any]:
        store = open_store(url, keep_days=9999)
        needs = [Need.of(each, "anonymous_id") for each in sees.values()]
        names = [f"v{i}" for i in range(8)]
        found = [store.pasts(names, need, START_US + 10**13) for need in needs]
        store.close()
        return [[past.events for past in each] for each in found]

    assert main(["store", "rebuild", *arguments]) == 0
    before = pasts()
    assert all(events for each in before for events in each)
    capsys.readouterr()
    assert main(["store", "rebuild", *arguments, "--application", "views"]) == 0
    assert pasts() == before
    shown = json.loads(capsys.readouterr().out)
    assert shown["applications"] == ["buys", "views"] and shown["new"] == 0


def told(past: Any) -> list[dict[str, Any]]:
    """Events without what only their source names: a dimension's rows have no ids."""
    wanted = ("timestamp", "type", "url.path", "amount", "plan", "sequence")
    return [{name: event.get(name) for name in wanted} for event in past.events]


@pytest.fixture(scope="module")
def registry(made_run, tmp_path_factory) -> Path:
    """A registry whose one version is live."""
    root = tmp_path_factory.mktemp("registry")
    shop = Registry(root, "shop")
    version = shop.add(made_run.bundle)
    shop.deploy(getattr(version, "version", version))
    return root


def test_the_commands_rebuild_ask_and_forget(
    registry, made_run, tmp_path, capsys
) -> None:
    url = f"sqlite:{tmp_path / 'events.db'}"
    arguments = [f"--input={path}" for path in made_run.inputs]
    arguments += ["--mapping", MAPPING, "--registry", str(registry), "--store", url]
    arguments += ["--keep-days", "9999"]
    assert main(["store", "rebuild", *arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["applications"] == ["shop"]
    assert found["read"]["rows.read"] == len(ROWS)
    views = [row for row in ROWS if row["event"] == "page_view"]
    assert found["new"] + found["by_reason"]["past_reach"] == len(views)
    assert found["by_reason"]["not_read"] == len(ROWS) - len(views)

    assert main(["store", "rebuild", *arguments]) == 0
    assert " 0  events are new" in capsys.readouterr().out
    assert main(["store", "status", "--store", url, "--json"]) == 0
    documents = json.loads(capsys.readouterr().out)["documents"]
    assert documents == len({row["visitor"] for row in views})

    name = views[0]["visitor"]
    need = needs_of(registry)["shop"]
    store = open_store(url, keep_days=9999)
    now_us = START_US + 10**13
    kept = len(store.past(name, need, now_us).events)
    assert kept > 0
    assert main(["forget", name, "--registry", str(registry), "--store", url]) == 0
    assert url.removeprefix("sqlite:") in capsys.readouterr().out
    assert store.past(name, need, now_us).events == []
    again = forget(name, registry, store=store)
    assert [r["removed"] for r in again["reached"] if r["kind"] == "events"] == [0]


def test_a_store_that_is_away_is_told_of(registry, tmp_path, capsys) -> None:
    (tmp_path / "events.db").mkdir()
    url = f"sqlite:{tmp_path}/events.db"
    assert main(["store", "status", "--store", url]) == 2
    assert "events.db" in capsys.readouterr().err
    assert main(["forget", "v1", "--registry", str(registry), "--store", url]) == 1
    assert "Could not be changed" in capsys.readouterr().out


def test_rows_that_fold_are_refused(tmp_path: Path) -> None:
    """Each line of an order would stand in the store as an order of its own."""
    mapping = EventMapping.from_dict(
        {
            "row_group_key": "invoice",
            "fields": {"anonymous_id": "v", "timestamp": "t", "type": "e"},
        }
    )
    store = open_store(f"sqlite:{tmp_path}/events.db")
    with pytest.raises(MappingError, match="row_group_key='invoice'"):
        rebuild(store, NEEDS, mapping, [str(tmp_path)])
    store.close()


@pytest.mark.parametrize("asked", [["store", "status"], ["forget", "v1"]])
def test_a_store_that_is_not_there_is_not_made(asked, tmp_path, capsys) -> None:
    """An empty store would say that all is well, or that the subject is forgotten."""
    path = tmp_path / "events.bd"
    assert main([*asked, "--store", f"sqlite:{path}"]) == 2
    assert f"store='sqlite:{path}', no such file" in capsys.readouterr().err
    assert not path.exists()


def test_a_registry_without_a_live_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="live version"):
        needs_of(tmp_path)
