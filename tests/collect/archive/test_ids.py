"""Known ids held against sets of Python."""

from __future__ import annotations

import io
import random
from datetime import date, timedelta
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.collect.archive.ids import KnownIds, content, id_hash
from zap.collect.archive.runs import Run, run_bytes, write_merged

DAY = date(2024, 3, 1)
# Few upper halves, so that many are shared, as they hardly ever are.
HASHES = st.tuples(st.integers(0, 4), st.integers(0, 2**64 - 1)).map(
    lambda pair: (
        (pair[0] * (2**64 // 5)).to_bytes(8, "little") + pair[1].to_bytes(8, "little")
    )
)


def test_an_id_is_hashed_with_its_source() -> None:
    name = "shöp".encode()
    expected = blake2b(
        len(name).to_bytes(4, "little") + name + b"id", digest_size=16
    ).digest()
    assert id_hash("shöp", "id") == expected
    assert id_hash("a", "bc") != id_hash("ab", "c")


@settings(max_examples=60)
@given(
    runs=st.lists(st.sets(HASHES, max_size=20), min_size=1, max_size=4),
    part=st.integers(1, 9),
)
def test_merged_runs_hold_what_the_runs_hold(
    tmp_path_factory: pytest.TempPathFactory, runs: list[set[bytes]], part: int
) -> None:
    folder = tmp_path_factory.mktemp("runs")
    taken: set[bytes] = set()
    written = []
    for number, hashes in enumerate(runs):
        own = sorted(hashes - taken)
        taken |= hashes
        path = folder / f"{number}.ids"
        path.write_bytes(content(own))
        written.append(Run(path))
        assert asked(written[-1], sorted(taken)) == {*own}
    file = io.BytesIO()
    write_merged(written, file, part)
    (folder / "all.ids").write_bytes(file.getvalue())
    whole = Run(folder / "all.ids")
    assert len(whole) == len(taken)
    assert bool(np.all(whole.upper[1:] >= whole.upper[:-1]))
    others = [hashed[8:] + hashed[:8] for hashed in taken]
    assert asked(whole, [*taken, *others]) == taken


def asked(run: Run, hashes: list[bytes]) -> set[bytes]:
    halves = np.frombuffer(b"".join(hashes), "<u8").reshape(-1, 2)
    found = run.holds(halves[:, 0].copy(), halves[:, 1].copy())
    return {each for each, there in zip(hashes, found, strict=True) if there}


def test_ids_are_known_before_and_after_merging_and_loading(tmp_path: Path) -> None:
    rng = random.Random(1)
    folder = tmp_path / "ids"
    folder.mkdir()
    ids = KnownIds(folder, 30)
    known: set[bytes] = set()
    for number in range(60):
        day = DAY + timedelta(days=number // 20)
        hashes = [rng.randbytes(16) for _ in range(rng.randint(1, 300))]
        path = ids.path_of(day, number, number + 1)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content(hashes))
        ids.add([path])
        known |= {*hashes}
        if number % 7 == 0:
            ids.merge()
    strangers = [rng.randbytes(16) for _ in range(500)]
    question = [*known, *strangers]
    rng.shuffle(question)
    expected = [each in known for each in question]
    assert ids.known(question).tolist() == expected
    loaded = KnownIds(folder, 30)
    loaded.load()
    assert loaded.known(question).tolist() == expected
    assert len(loaded) == len(ids) == len(known)
    while ids.merge():
        pass
    assert len([*folder.rglob("*.ids")]) < 15
    assert ids.known(question).tolist() == expected


def test_a_merge_that_was_killed_is_finished_by_the_next_one(tmp_path: Path) -> None:
    folder = tmp_path / DAY.isoformat()
    folder.mkdir()
    rng = random.Random(2)
    hashes = [rng.randbytes(16) for _ in range(30)]
    ids = KnownIds(tmp_path, 30)
    for number in range(3):
        part = hashes[10 * number : 10 * number + 10]
        ids.path_of(DAY, number, number + 1).write_bytes(content(part))
    ids.path_of(DAY, 0, 3).write_bytes(content(hashes))  # and the old ones still there
    (folder / ".made-000000000000-000000000002.ids").write_bytes(b"half")
    ids.load()
    assert len(ids) == 30 and ids.known(hashes).all()
    assert [path.name for path in folder.iterdir()] == [ids.path_of(DAY, 0, 3).name]


def test_an_empty_run_holds_nothing(tmp_path: Path) -> None:
    nothing = np.zeros(0, np.uint64)
    (tmp_path / "a.ids").write_bytes(run_bytes(nothing, nothing))
    run = Run(tmp_path / "a.ids")
    assert len(run) == 0 and asked(run, [bytes(16)]) == set()
