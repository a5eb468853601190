"""The store holds what a rebuild would put there, encoded as in training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_bundles import deployed, made_bundle
from made_collected import (
    MAPPING,
    SECOND_US,
    SEES,
    START_US,
    VISITORS,
    all_pasts,
    archived,
    fed_by_hand,
    first_of_each,
    made_events,
    made_records,
    made_registry,
    with_bad_rows,
)
from made_events import same_bytes
from made_sinks import delivering, until
from made_stores import Clock, in_memory

from zap.collect.archive.sink import ArchiveSink
from zap.collect.sinks.store import StoreSink
from zap.collect.spool import Batch, Positions, Spool
from zap.encoding.columns import Cutoffs
from zap.encoding.encoder import Encoder
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.errors import MappingError
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.histories.chosen import chosen_histories
from zap.jobs.store import rebuild
from zap.serving.stores import Need, open_store
from zap.serving.stores.live_needs import LiveNeeds

EVENTS = made_events(900)
END_US = EVENTS[-1]["received_at"]
LATER_US = END_US + 3600 * SECOND_US


@dataclasses.dataclass
class Delivered:
    """Folders of a delivery that is over."""

    folder: Path
    needs: dict[str, Need]

    @property
    def mapping(self) -> EventMapping:
        return EventMapping.load(self.folder / "archive.toml")

    @property
    def url(self) -> str:
        return f"sqlite:{self.folder / 'events.db'}"


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    """All events, spooled in pieces and delivered to both sinks."""
    folder = tmp_path_factory.mktemp("delivered")
    needs = made_registry(folder / "models")
    (folder / "archive.toml").write_text(MAPPING)
    found = Delivered(folder, needs)
    sinks = [ArchiveSink(folder / "archive"), store_sink(found, found.url)]
    said = made_records(EVENTS)
    with Spool(folder / "spool") as spool, delivering(folder / "spool", sinks):
        for begin in range(0, len(said), 123):
            spool.append(said[begin : begin + 123])
        positions = Positions(folder / "spool")
        until(lambda: min(map(positions.get, ("archive", "store"))) == len(said))
    return found


def store_sink(found: Delivered, url: str) -> StoreSink:
    store = open_store(url, 5_000, keep_days=36_500)
    needs = LiveNeeds(found.folder / "models", poll_s=0.01)
    return StoreSink(store, found.folder / "archive.toml", needs)


def pasts(found: Delivered, url: str) -> dict[str, list[list[dict[str, Any]]]]:
    store = open_store(url, 5_000, keep_days=36_500)
    told = all_pasts(store, found.needs, LATER_US)
    store.close()
    return told


def test_the_archive_has_the_first_of_each_event(delivered: Delivered) -> None:
    expected = first_of_each(EVENTS)
    assert len(expected) < len(EVENTS), "some are sent twice"
    rows = archived(delivered.folder / "archive")
    assert rows == sorted(
        ((*name, number) for name, number in expected.items()), key=lambda row: row[2]
    )


def test_the_store_has_what_is_fed_by_hand(delivered: Delivered) -> None:
    by_hand = in_memory(Clock(END_US), *delivered.needs.values(), keep_us=1 << 60)
    fed_by_hand(by_hand, enumerate(EVENTS))
    expected = all_pasts(by_hand, delivered.needs, LATER_US)
    assert pasts(delivered, delivered.url) == expected
    assert all(any(events for events in told) for told in expected.values())


def test_a_rebuild_from_the_archive_gives_the_same_store(
    delivered: Delivered, tmp_path: Path
) -> None:
    url = f"sqlite:{tmp_path / 'rebuilt.db'}"
    store = open_store(url, 5_000, keep_days=36_500)
    inputs = [str(delivered.folder / "archive")]
    done = rebuild(store, delivered.needs, delivered.mapping, inputs)
    store.close()
    assert done.new > 0 and done.read["events.read"] == len(first_of_each(EVENTS))
    assert pasts(delivered, url) == pasts(delivered, delivered.url)


def test_what_is_stored_is_encoded_as_in_training(delivered: Delivered) -> None:
    key, names = b"k" * 32, [f"v{number}" for number in range(VISITORS)]
    keyed = {name: keyed_subject(key, subject_hash(name)) for name in names}
    mapping = delivered.mapping
    sources = list_sources([str(delivered.folder / "archive")], mapping)
    fields = {*SEES.reads.fields, "event_id"}
    chosen = chosen_histories(
        sources, mapping, "anonymous_id", fields, keyed.values(), key
    )
    store = open_store(delivered.url, 5_000, keep_days=36_500)
    encoder, need = Encoder(SEES), delivered.needs["shop"]
    histories = chosen.histories
    for name in names:
        row = chosen.places[keyed[name]]
        end = histories.offsets[row + 1]
        cutoffs = Cutoffs(np.array([row]), np.array([end]), np.array([LATER_US]))
        kept, start, stop = encoder.windows(histories, cutoffs)
        trained = encoder.encode_events(histories, kept[start[0] : stop[0]])
        known = encoder.encode_metadata(histories, cutoffs)
        served = encoder.encode_instance(
            store.past(name, need, LATER_US).events, LATER_US
        )
        assert same_bytes(served.events, trained)
        assert same_bytes(served.metadata, known)
        assert len(trained.offsets) > 2, "each visitor has done something"


def batch(events: list[dict[str, Any]], first: int = 0) -> Batch:
    said = made_records(events)
    return Batch(first, said, first + len(said))


def site(tmp_path: Path) -> Delivered:
    needs = made_registry(tmp_path / "models")
    (tmp_path / "archive.toml").write_text(MAPPING)
    return Delivered(tmp_path, needs)


def test_repeats_and_other_cuts_change_nothing(tmp_path: Path) -> None:
    found = site(tmp_path)
    sink, other = (
        store_sink(found, f"sqlite:{tmp_path / name}.db") for name in ("a", "b")
    )
    sink.write(batch(EVENTS[:400]))
    for first, last in ((0, 7), (0, 300), (7, 300), (250, 399), (390, 400), (0, 400)):
        other.write(batch(EVENTS[first:last], first))
    assert pasts(found, f"sqlite:{tmp_path}/a.db") == pasts(
        found, f"sqlite:{tmp_path}/b.db"
    )
    read = sink.counts()
    assert read["new"] + read["repeated"] + read["not_read"] + read["past_reach"] == 400


def test_a_clock_that_is_set_back_changes_nothing_that_is_known(
    tmp_path: Path,
) -> None:
    """Receipts jump back by a day and forward again; numbers keep the order."""
    found = site(tmp_path)
    jumped = [
        {**e, "received_at": e["received_at"] - 86_400 * SECOND_US * (200 < n < 300)}
        for n, e in enumerate(made_events(400, seed=1))
    ]
    url = f"sqlite:{tmp_path / 'events.db'}"
    sink = store_sink(found, url)
    for begin in range(0, 400, 40):
        sink.write(batch(jumped[begin : begin + 40], begin))
    by_hand = in_memory(Clock(LATER_US), *found.needs.values(), keep_us=1 << 60)
    fed_by_hand(by_hand, enumerate(jumped))
    assert pasts(found, url) == all_pasts(by_hand, found.needs, LATER_US)


def test_a_deploy_changes_what_is_kept_from_then_on(tmp_path: Path) -> None:
    found = site(tmp_path)
    url = f"sqlite:{tmp_path / 'events.db'}"
    sink = store_sink(found, url)
    sink.write(batch([{**EVENTS[0], "type": "other", "anonymous_id": "w"}]))
    assert sink.counts()["not_read"] == 1
    wider = dataclasses.replace(SEES, types=["view", "other"])
    bundle = made_bundle(tmp_path / "wider", sees=wider, application="shop")
    deployed(tmp_path / "models", bundle, "shop")
    event = {**EVENTS[0], "type": "other", "anonymous_id": "w", "event_id": "next"}

    def kept() -> list[str]:
        sink.write(batch([event], 1))
        store = open_store(url, 5_000, keep_days=36_500)
        need = Need.of(wider, "anonymous_id")
        return store.past("w", need, LATER_US).ids

    until(lambda: kept() == ["next"])


def test_without_a_live_model_events_go_by_and_are_counted(tmp_path: Path) -> None:
    (tmp_path / "archive.toml").write_text(MAPPING)
    sink = store_sink(Delivered(tmp_path, {}), f"sqlite:{tmp_path / 'events.db'}")
    sink.write(batch(EVENTS[:10]))
    assert dict(sink.counts()) == {"no_live_model": 10}


def test_a_mapping_that_is_mended_is_read_again(tmp_path: Path) -> None:
    found = site(tmp_path)
    (tmp_path / "archive.toml").write_text(MAPPING.replace("archive", "segment"))
    sink = store_sink(found, f"sqlite:{tmp_path / 'events.db'}")
    with pytest.raises(MappingError, match='format = "archive"'):
        sink.write(batch(EVENTS[:10]))
    folding = MAPPING.replace('"archive"', '"archive"\nrow_group_key = "page"', 1)
    (tmp_path / "archive.toml").write_text(folding)
    with pytest.raises(MappingError, match=r"row_group_key=.page.*Leave it out"):
        sink.write(batch(EVENTS[:10]))
    (tmp_path / "archive.toml").unlink()
    with pytest.raises(MappingError, match=r"archive\.toml"):
        sink.write(batch(EVENTS[:10]))
    (tmp_path / "archive.toml").write_text(MAPPING)
    sink.write(batch(EVENTS[:10]))
    assert sink.counts()["events.read"] == 10


def test_what_the_mapping_refuses_is_counted(tmp_path: Path) -> None:
    found = site(tmp_path)
    wrong = {**EVENTS[1], "properties": {"amount": "much", "page": "p"}}
    sink = store_sink(found, f"sqlite:{tmp_path / 'events.db'}")
    sink.write(batch([EVENTS[0], wrong]))
    bad = {n: c for n, c in sink.counts().items() if n.startswith("rows.bad.")}
    assert sum(bad.values()) == 1 and "amount" in next(iter(bad))


def test_forgotten_records_and_bad_rows_are_passed_over(tmp_path: Path) -> None:
    found = site(tmp_path)
    sink = store_sink(found, f"sqlite:{tmp_path / 'events.db'}")
    said, _, _ = with_bad_rows(EVENTS[:5], every=1)
    said[0] = b""
    sink.write(Batch(0, said, len(said)))
    assert sink.counts()["rows.read"] == 4
    assert START_US < END_US
