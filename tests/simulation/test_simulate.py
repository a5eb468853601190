"""The directory of a simulation: the same for all processes, labelled, safe."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.sources import list_files
from zap.examples.registry import load_generator
from zap.simulation.folder import Folder
from zap.simulation.settings import Settings
from zap.simulation.simulate import plan, simulate
from zap.simulation.tables import Ids

SMALL = Settings(events=3_000)
MAPPED = {"fields": {"anonymous_id": "a", "timestamp": "t", "type": "e"}}


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_processes_do_not_change_a_byte(tmp_path: Path) -> None:
    settings = Settings(events=620_000)  # two blocks
    one = simulate(settings, tmp_path / "one", workers=1)
    two = simulate(settings, tmp_path / "two", workers=2)
    assert one.info()["parts"] == 2
    assert digests(one.path) == digests(two.path)
    rows = one.info()["counts"]["rows"]
    assert rows == pytest.approx(620_000, rel=0.03)
    first, second = (pq.read_table(e, columns=["id"]) for e, _ in one.parts())
    assert not set(first["id"].to_pylist()) & set(second["id"].to_pylist())


def test_a_seed_decides_everything(tmp_path: Path) -> None:
    same = [simulate(SMALL, tmp_path / name).path for name in ("a", "b")]
    assert digests(same[0]) == digests(same[1])
    other = simulate(Settings(events=3_000, seed=1), tmp_path / "c")
    events = [pq.read_table(next(Folder(p).parts())[0]) for p in (same[0], other.path)]
    assert events[0]["timestamp"].to_pylist() != events[1]["timestamp"].to_pylist()


def test_persons_are_dealt_out_to_blocks() -> None:
    works = plan(Settings(events=3_000_000), Folder(Path("nowhere")))
    persons = [work.persons for work in works]
    assert [work.number for work in works] == list(range(len(works)))
    assert set(persons[:-1]) == {40_000} and 0 < persons[-1] <= 40_000


def test_simulated_is_said_everywhere(simulation: Folder) -> None:
    assert "simulated" in (simulation.path / "SIMULATED").read_text()
    info = json.loads((simulation.path / "simulation.json").read_text())
    assert info["simulated"] is True and "no real" in info["note"]
    assert "simulate" in simulation.mapping.read_text().partition("\n")[0]
    for paths in simulation.parts():
        for path in paths:
            assert "simulated" in path.name
            assert pq.read_schema(path).metadata[b"simulated"] == b"true"
    events = pq.read_table(next(simulation.parts())[0])
    urls = events["url"].unique().to_pylist()
    assert all(url.startswith("https://simulated-shop.example/") for url in urls)


def test_the_counts_are_those_of_the_files(simulation: Folder) -> None:
    counts = simulation.info()["counts"]
    found: Counter[str] = Counter()
    for events_path, truth_path in simulation.parts():
        events, truth = pq.read_table(events_path), pq.read_table(truth_path)
        assert events["id"].to_pylist() == truth["id"].to_pylist()
        found["rows"] += events.num_rows
        for name in ("kind", "fault"):
            for value in truth[name].to_pylist():
                found[f"rows.{value}"] += 1
        whole = pc.is_in(truth["fault"], value_set=pa.array(["none", "late"]))
        purchases = events.filter(pc.and_(whole, pc.equal(events["event"], "purchase")))
        found["visits.bought"] += purchases.num_rows
    assert found["rows"] == pytest.approx(20_000, rel=0.05)
    for name in found:
        if name != "rows.none":
            assert found[name] == counts[name], name


def test_rows_ascend_in_time_where_they_have_one(simulation: Folder) -> None:
    for events_path, truth_path in simulation.parts():
        times = pq.read_table(events_path, columns=["timestamp"])["timestamp"]
        fault = pq.read_table(truth_path, columns=["fault"])["fault"].to_pylist()
        sound = [
            t
            for t, f in zip(times.to_pylist(), fault, strict=True)
            if f not in ("broken_time", "absurd_time")
        ]
        assert sound == sorted(sound)


def test_the_mapping_is_the_generators_with_a_range(simulation: Folder) -> None:
    own = EventMapping.load(simulation.mapping).to_dict()
    observed = own.pop("observed")
    assert observed == {"from": "2025-01-06", "until": "2025-03-03"}
    generator = load_generator("simulated_shop")
    shipped = EventMapping.load(generator.folder() / generator.mapping)
    assert own == shipped.to_dict()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    simulate(SMALL, folder)
    with pytest.raises(InputError, match="pass --replace"):
        simulate(SMALL, folder)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt"):
        simulate(SMALL, folder, replace=True)
    (folder / "notes.txt").unlink()
    simulate(Settings(events=100), folder, replace=True)
    assert Folder(folder).info()["settings"]["events"] == 100
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="no simulation"):
        simulate(SMALL, other, replace=True)
    assert (other / "thesis.txt").read_text() == "mine"


def test_an_interrupted_simulation_is_none(tmp_path: Path) -> None:
    def stop(done: int, parts: int, rows: int) -> None:
        raise KeyboardInterrupt

    folder = Folder(tmp_path / "shop")
    with pytest.raises(KeyboardInterrupt):
        simulate(SMALL, folder.path, watch=stop)
    assert not folder.path.exists()
    with pytest.raises(InputError, match="finished simulation"):
        folder.info()
    folder.path.mkdir()
    with pytest.raises(KeyboardInterrupt):
        simulate(SMALL, folder.path, watch=stop)
    assert list(folder.path.iterdir()) == []  # one that was there stays
    simulate(SMALL, folder.path)
    before = digests(folder.path)
    with pytest.raises(KeyboardInterrupt):
        simulate(Settings(events=100), folder.path, replace=True, watch=stop)
    assert digests(folder.path) == before
    simulate(Settings(events=100), folder.path, replace=True)
    assert folder.info()["settings"]["events"] == 100


def test_an_interrupt_while_the_old_one_goes_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large one takes a while to remove; by then the new one is in its place."""
    path = simulate(SMALL, tmp_path / "shop").path
    expected = digests(simulate(Settings(events=100), tmp_path / "other").path)
    remove = shutil.rmtree
    stopped: list[Path] = []

    def stop(where: Path, **more: Any) -> None:
        if any(Path(where).rglob("*.parquet")):
            stopped.append(where)
            monkeypatch.setattr(shutil, "rmtree", remove)
            raise KeyboardInterrupt
        remove(where, **more)

    monkeypatch.setattr(shutil, "rmtree", stop)
    with pytest.raises(KeyboardInterrupt):
        simulate(Settings(events=100), path, replace=True)
    assert stopped
    assert digests(path) == expected
    assert not (path / ".making").exists()


def test_two_at_once_do_not_take_each_others_files(tmp_path: Path) -> None:
    path = simulate(SMALL, tmp_path / "shop").path

    def another(done: int, parts: int, rows: int) -> None:
        with pytest.raises(InputError, match="no other process makes a simulation"):
            simulate(Settings(events=300), path, replace=True)

    simulate(Settings(events=100), path, replace=True, watch=another)
    assert digests(path) == digests(simulate(Settings(events=100), tmp_path / "b").path)


KILLED = """
import os, sys
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate
simulate(Settings(events=3_000), sys.argv[1], watch=lambda *_: os.kill(os.getpid(), 9))
"""


def test_of_a_killed_simulation_no_part_is_found(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "shop")
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder.path)])
    assert done.returncode == -9
    assert (folder.path / "SIMULATED").exists()
    assert not folder.events.exists() and not folder.mapping.exists()
    for path in (folder.path, folder.events):
        with pytest.raises(InputError, match="names none"):
            list_files([str(path)], EventMapping.from_dict(MAPPED))
    with pytest.raises(InputError, match="a simulation that is not finished"):
        simulate(SMALL, folder.path)
    simulate(SMALL, folder.path, replace=True)
    assert digests(folder.path) == digests(simulate(SMALL, tmp_path / "other").path)


@pytest.mark.parametrize("workers", [0, 257, 1.5])
def test_a_wrong_number_of_processes(tmp_path: Path, workers) -> None:
    with pytest.raises(InputError, match="number of processes"):
        simulate(SMALL, tmp_path / "shop", workers)
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize("events", [1, 10])
def test_as_few_rows_as_one(tmp_path: Path, events: int) -> None:
    counts = simulate(Settings(events=events), tmp_path / "shop").info()["counts"]
    assert counts["persons"] == 1


def test_no_name_is_used_twice(tmp_path: Path) -> None:
    """Of devices and persons, over blocks and seeds."""
    seen: set[str] = set()
    for seed, block in ((0, 0), (0, 1), (1, 0), (1, 1)):
        ids = Ids.of(seed, block, np.arange(3), 500, 300)
        names = {*ids.devices.to_pylist(), *ids.persons.to_pylist()}
        assert len(names) == 800 and not names & seen
        seen |= names
