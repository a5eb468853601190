"""Predictions of a small site come out of its archive again, or it is told why not.

The site is a loop over dictionaries of its own: it takes the last page views that it
knows of, asks the predictor, and logs. What it then writes down as its archive is
right, or wrong in one planted way.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_entries import opened

from zap.bundles.id_key import id_key
from zap.bundles.registry import Registry
from zap.cli.main import main
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.errors import LogError, RegistryError
from zap.events.mapping import EventMapping
from zap.jobs.parity import result as causes
from zap.jobs.parity.job import Archive, parity, replay
from zap.serving.log import Logged, event_hashes, read_log
from zap.serving.predictor import Predictor

START_US, SECOND_US = 1_768_471_200_000_000, 1_000_000
MAPPING = """
[fields]
event_id = "id"
anonymous_id = "visitor"
timestamp = { column = "time", unit = "us" }
received_at = { column = "received", unit = "us" }
type = "event"
url = "url"

[observed]
from = "2026-01-15"
until = "2026-02-15"
"""
Row = dict[str, Any]


class Site:
    """Some visitors' events, and the predictions made on the way."""

    def __init__(self, registry: Path, folder: Path, late_s: tuple[int, ...] = (0,)):
        folder.mkdir()
        self.registry, self.log = registry, folder / "log"
        self.folder = folder
        self.version = Registry(registry, "shop").versions()[0]
        self.predictor = Predictor.load(registry / "shop" / "versions" / self.version)
        self.key = id_key(registry)
        self.rows = [row for number in range(12) for row in visits(number, late_s)]
        self.entries = [entry for number in range(12) for entry in self.asked(number)]

    def asked(self, number: int) -> Iterator[Logged]:
        """A prediction now and then, of what is known by then."""
        for step in range(4, 40, 5):
            now = START_US + step * 60 * SECOND_US + number
            yield self.predict(f"v{number}", self.known(now), now, f"{number}-{step}")

    def known(self, now: int) -> list[Row]:
        """What has come in by then."""
        return [row for row in self.rows if max(row["time"], row["received"]) <= now]

    def predict(
        self, visitor: str, known: list[Row], now: int, name: str, **more: Any
    ) -> Logged:
        """What the site answers and writes down, of the events it knows."""
        known = [row for row in known if row["visitor"] == visitor]
        views = [row for row in known if row["event"] == "page_view"]
        views = sorted(views, key=lambda row: row["time"])[-5:]
        events = [
            {
                "timestamp": row["time"],
                "received_at": row["received"],
                "type": row["event"],
                "url.path": row["url"].removeprefix("https://shop.example"),
            }
            for row in views
        ]
        instant = None if views else now
        encoded = self.predictor.encoder.encode_instance(events, instant)
        found = self.predictor.score(encoded)
        entry = Logged(
            id=name,
            time=now,
            instant=instant,
            application="shop",
            version=self.version,
            fingerprint=self.predictor.encoder.fingerprint,
            subject=keyed_subject(self.key, subject_hash(visitor)),
            events=found.events,
            ids=event_hashes(row["id"] for row in views),
            encoded=encoded.digest,
            score=found.value,
            source="subject",
        )
        return replace(entry, **more)

    def archive(self, rows: list[Row] | None = None, mapping: str = MAPPING) -> Archive:
        """The rows as a Parquet file, in an order of no meaning."""
        rows = list(self.rows if rows is None else rows)
        random.Random(3).shuffle(rows)
        path = self.folder / "archive" / "events.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
        (self.folder / "mapping.toml").write_text(mapping)
        return Archive([str(path)], EventMapping.load(self.folder / "mapping.toml"))

    def logged(self, *entries: Logged) -> Path:
        """A log of these entries alone; of all, if none is given."""
        folder = self.log / str(len([*self.log.glob("*")]))
        log = opened(folder)
        log.append_all(entries or self.entries)
        log.close()
        return folder

    def parity(self, archive: Archive, *entries: Logged) -> dict[str, Any]:
        """Parity of these entries; of all, if none is given."""
        return parity("shop", self.logged(*entries), self.registry, archive)

    def cause(self, archive: Archive, entry: Logged) -> str | None:
        """Why one prediction does not come out again, by both ways to ask."""
        found = self.parity(archive, entry)
        told = replay(entry.id, self.logged(entry), self.registry, archive)
        assert found["causes"] == ({told["cause"]: 1} if told["cause"] else {})
        assert found["exact"] == (told["cause"] is None)
        self.told = told
        return told["cause"]

    def marks(self) -> Counter[str]:
        """How the events of the last replay are marked."""
        return Counter(each["mark"] for each in self.told["events"])


def visits(number: int, late_s: tuple[int, ...]) -> Iterator[Row]:
    """One event a minute, received at the minute, or some seconds later."""
    rng = random.Random(number)
    for step in range(40):
        minute = START_US + step * 60 * SECOND_US + number
        kind = "purchase" if rng.random() < 0.1 else "page_view"
        yield {
            "id": f"e{number}-{step}",
            "visitor": f"v{number}",
            "time": minute - rng.randrange(30) * SECOND_US,
            "received": minute + rng.choice(late_s) * SECOND_US,
            "event": kind,
            "url": f"https://shop.example/page/{rng.randrange(8)}",
        }


@pytest.fixture(scope="module")
def site(made_run, tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("parity")
    Registry(folder / "models", "shop").add(made_run.bundle)
    return Site(folder / "models", folder / "site")


@pytest.fixture(scope="module")
def late_site(site: Site) -> Site:
    """One where a quarter of the events comes in late."""
    return Site(site.registry, site.folder.with_name("late"), (0, 0, 0, 20))


def last_known(site: Site, entry: Logged, back: int = 1) -> Row:
    """One of the events that a prediction used, counted from the last."""
    hashed = entry.event_hashes[-back]
    (row,) = [row for row in site.rows if event_hashes([row["id"]]) == hashed]
    return row


def odd(site: Site) -> Logged:
    """A prediction that used five events, the last one of a minute before."""
    for entry in site.entries:
        early = last_known(site, entry)["received"] < entry.time
        if len(entry.event_hashes) == 5 and early:
            return entry
    raise AssertionError("no prediction is fit")


def test_where_nothing_is_wrong_all_come_out_again(site: Site) -> None:
    found = site.parity(site.archive(site.rows))
    assert found["share"] == 1 and found["causes"] == {} and found["mismatches"] == []
    assert found["compared"] == found["exact"] == found["logged"] == 96
    assert found["versions"] == {site.version: {"compared": 96, "exact": 96}}
    assert found["archive"]["has_ids"] and found["archive"]["has_receipts"]


def test_what_came_late_differs_where_training_would_see_more(late_site) -> None:
    """Held against the site's own answers, had all come in at once."""
    found = late_site.parity(late_site.archive())
    differ = set()
    for entry in late_site.entries:
        visitor = f"v{entry.id.partition('-')[0]}"
        all_of_it = [row for row in late_site.rows if row["time"] <= entry.time]
        seen = late_site.predict(visitor, all_of_it, entry.time, entry.id)
        differ |= {entry.id} if seen.score != entry.score else set()
    assert found["causes"] == {causes.LATE: len(differ)} and 5 < len(differ) < 90
    assert found["exact"] == 96 - len(differ)
    assert {each["prediction"] for each in found["mismatches"]} <= differ


def test_an_event_that_came_late(site: Site) -> None:
    entry = odd(site)
    row = last_known(site, entry)
    late = {**row, "id": "late", "time": row["time"] + 1, "received": entry.time + 9}
    late["url"] = "https://shop.example/basket"
    assert site.cause(site.archive([*site.rows, late]), entry) == causes.LATE
    assert site.marks() == {causes.USED: 5, causes.LATE: 1}


def test_an_event_that_was_not_in_the_store(site: Site) -> None:
    entry = odd(site)
    row = last_known(site, entry)
    known = {**row, "id": "known", "time": row["time"] + 1}
    known["url"] = "https://shop.example/basket"
    assert site.cause(site.archive([*site.rows, known]), entry) == causes.NOT_IN_STORE
    assert site.marks() == {causes.USED: 5, causes.NOT_IN_STORE: 1}
    (mark,) = [each for each in site.told["events"] if each["event_id"] == "known"]
    assert mark["mark"] == causes.NOT_IN_STORE and mark["type"] == "page_view"


def test_an_event_that_the_archive_lacks(site: Site) -> None:
    entry = odd(site)
    row = last_known(site, entry)
    archive = site.archive([each for each in site.rows if each is not row])
    assert site.cause(archive, entry) == causes.MISSING
    (gone,) = [each for each in site.told["events"] if each["mark"] == causes.MISSING]
    assert gone["hash"] == event_hashes([row["id"]]) and gone["time"] is None


def test_an_event_that_was_used_twice(site: Site) -> None:
    entry = odd(site)
    visitor = f"v{entry.id.partition('-')[0]}"
    twice = [*site.known(entry.time), last_known(site, entry)]
    again = site.predict(visitor, twice, entry.time, entry.id)
    assert again.score != entry.score
    assert site.cause(site.archive(site.rows), again) == causes.DUPLICATE
    # The archive may hold it twice, as clients send it twice: that is no difference.
    rows = [*site.rows, {**last_known(site, entry), "received": entry.time + 1}]
    assert site.cause(site.archive(rows), entry) is None


def test_an_event_that_was_still_to_come(site: Site) -> None:
    entry = odd(site)
    row = last_known(site, entry)
    rows = [
        {**each, "time": entry.time + 60 * SECOND_US} if each is row else each
        for each in site.rows
    ]
    assert site.cause(site.archive(rows), entry) == causes.CLOCK
    assert site.marks()[causes.CLOCK] == 1


def test_events_of_one_time_in_another_order(site: Site) -> None:
    entry = odd(site)
    row = last_known(site, entry)
    visitor = row["visitor"]
    twin = {**row, "id": "twin", "url": "https://shop.example/basket"}
    known = site.known(entry.time)
    served = [
        site.predict(visitor, order, entry.time, f"{entry.id}-{n}")
        for n, order in enumerate(([twin, *known], [*known, twin]))
    ]
    archive = site.archive([*site.rows, twin])
    found = [site.cause(archive, each) for each in served]
    assert Counter(found) == {None: 1, causes.ORDER: 1}


def test_an_event_that_holds_another_value(site: Site) -> None:
    entry = odd(site)
    row = last_known(site, entry)
    rows = [
        {**each, "url": "https://shop.example/basket"} if each is row else each
        for each in site.rows
    ]
    assert site.cause(site.archive(rows), entry) == causes.VALUES


@pytest.mark.parametrize(
    "more", [{"version": "0" * 16}, {"version": "../../x"}, {"fingerprint": "0" * 32}]
)
def test_another_version(site: Site, more) -> None:
    entry = replace(odd(site), **more)
    assert site.cause(site.archive(), entry) == causes.VERSION


def test_another_arithmetic(site: Site) -> None:
    entry = odd(site)
    assert isinstance(entry.score, float)
    other = replace(entry, score=entry.score + 2**-50)
    assert site.cause(site.archive(site.rows), other) == causes.ARITHMETIC
    assert "8.88e-16 apart" in site.told["detail"]


def test_an_archive_without_ids_or_receipts_says_so(site: Site) -> None:
    entry = odd(site)
    row = last_known(site, entry)
    late = {**row, "id": "late", "time": row["time"] + 1, "received": entry.time + 9}
    late["url"] = "https://shop.example/basket"
    rows = [*site.rows, late]
    no_ids = MAPPING.replace('event_id = "id"\n', "")
    archive = site.archive(rows, no_ids)
    assert site.cause(archive, entry) == causes.LATE
    assert not site.parity(archive, entry)["archive"]["has_ids"]
    receipts = 'received_at = { column = "received", unit = "us" }\n'
    bare = site.archive(rows, no_ids.replace(receipts, ""))
    assert site.cause(bare, entry) == causes.UNKNOWN
    timeless = site.archive(rows, MAPPING.replace(receipts, ""))
    assert site.cause(timeless, entry) == causes.LATE_OR_NOT
    facts = site.parity(timeless, entry)["archive"]
    assert facts["has_ids"] and not facts["has_receipts"]


def test_a_subject_without_events_comes_out_again(site: Site) -> None:
    entry = site.predict("nobody", [], START_US, "empty")
    assert site.cause(site.archive(), entry) is None


def test_some_are_chosen_and_those_without_a_name_are_counted(site: Site) -> None:
    entries = [
        replace(each, subject=None if n % 4 == 0 else each.subject)
        for n, each in enumerate(site.entries)
    ]
    log, archive = site.logged(*entries), site.archive(site.rows)
    found = parity("shop", log, site.registry, archive, most=10)
    assert found["compared"] == found["exact"] == 10
    assert found["not_compared"] == {
        "names no subject": 24,
        "beyond the number asked for": 62,
    }
    since = min(each.time for each in entries) + 1
    later = parity("shop", log, site.registry, archive, since_us=since)
    assert later["logged"] == 95
    with pytest.raises(LogError, match="none of which names its subject"):
        parity("shop", site.logged(entries[0]), site.registry, archive)
    with pytest.raises(LogError, match="names none"):
        replay(entries[0].id, log, site.registry, archive)


def test_without_the_key_nothing_is_compared(
    site: Site, tmp_path: Path, made_run
) -> None:
    Registry(tmp_path / "models", "shop").add(made_run.bundle)
    with pytest.raises(RegistryError, match="has none"):
        parity("shop", site.logged(), tmp_path / "models", site.archive())


def test_the_commands(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    entry = odd(site)
    log = site.logged()
    site.archive([each for each in site.rows if each is not last_known(site, entry)])
    where = ["--log", str(log), "--registry", str(site.registry)]
    where += ["--events", str(site.folder / "archive")]
    where += ["--mapping", str(site.folder / "mapping.toml")]

    assert main(["parity", "shop", *where]) == 0
    shown = capsys.readouterr().out
    assert "of 96 predictions" in shown and causes.MISSING in shown
    assert main(["parity", "shop", *where, "--min-share", "1", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["alarm"] and found["causes"][causes.MISSING] >= 1
    assert main(["parity", "shop", *where, "--min-share", "0.2", "--json"]) == 0
    assert not json.loads(capsys.readouterr().out)["alarm"]
    assert main(["parity", "shop", *where, "--min-share", "2"]) == 2
    assert main(["parity", "other", *where]) == 2
    capsys.readouterr()
    for command in (["parity", "shop"], ["replay", entry.id]):
        elsewhere = [*command, *where, "--registry", str(site.folder / "nowhere")]
        assert main(elsewhere) == 2
        assert "registry with versions of shop" in capsys.readouterr().err

    assert main(["replay", entry.id, *where]) == 1
    shown = capsys.readouterr().out
    assert f"The score differs: {causes.MISSING}. " in shown
    assert "Serving used an event that the archive does not hold." in shown
    assert "Evidence: missing in the archive: 1" in shown
    assert main(["replay", entry.id, *where, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["score"]["logged"] == entry.score != told["score"]["found"]
    site.archive(site.rows)
    assert main(["replay", entry.id, *where]) == 0
    assert "The score is the same, to the bit." in capsys.readouterr().out
    assert main(["replay", "nothing", *where]) == 2
    assert "prediction='nothing'" in capsys.readouterr().err


def test_an_archive_of_others_is_told_and_lacks_all(site: Site, capsys) -> None:
    entry = odd(site)
    others = [{**row, "visitor": f"w{row['visitor']}"} for row in site.rows]
    assert site.cause(site.archive(others), entry) == causes.MISSING
    where = ["--log", str(site.logged(entry)), "--registry", str(site.registry)]
    where += ["--events", str(site.folder / "archive")]
    where += ["--mapping", str(site.folder / "mapping.toml")]
    assert main(["parity", "shop", *where]) == 0
    shown = capsys.readouterr().out
    assert "no event of these subjects" in shown and "no event_id" not in shown


def test_forgetting_reaches_the_log(site: Site, capsys) -> None:
    log = site.logged(*site.entries, replace(site.entries[0], id="x", subject=None))
    where = ["--registry", str(site.registry), "--log", str(log)]
    assert main(["forget", "v3", *where, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (place,) = [each for each in found["reached"] if each["kind"] == "predictions"]
    assert place["removed"] == 8 and place["place"] == str(log / "shop")
    assert any("1 predictions of shop" in each for each in found["not_reached"])
    left = [*read_log(log, "shop")]
    assert [each.id for each in left if each.id.startswith("3-")] == []
    assert len(left) == 89
    name = keyed_subject(site.key, subject_hash("v3"))
    assert all(name not in path.read_text() for path in log.rglob("*.jsonl"))
    assert (
        main(["forget", "v3", "--registry", str(site.registry), "--log", "gone"]) == 2
    )
    assert "Name another with --log" in capsys.readouterr().err
