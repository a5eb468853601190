"""Examples told again as events: the same ones however the work was divided."""

from __future__ import annotations

import gzip
import hashlib
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from made_rows import made_rows, write_files
from made_shop import MadeShop

from zap.beam.generate import GenerateOptions, generate
from zap.datasets.recent import RECENT, RecentSample, _drawn, key_id
from zap.datasets.splits import SPLITS
from zap.datasets.store import Dataset
from zap.datasets.visits import take_rows
from zap.encoding.encoder import EncodedInstance
from zap.errors import DatasetError
from zap.events.mapping import EventMapping
from zap.histories.subjects import subject_hash

ROWS = made_rows(120)
MAPPING = EventMapping.load(Path(__file__).parents[1] / "sites" / "made_shop.toml")
KEY = b"0123456789abcdef"


def made(folder: Path, sample: RecentSample, shards: int = 2) -> Dataset:
    options = GenerateOptions(recent=sample, shards=shards, check=False)
    inputs = write_files(folder / "raw", ROWS)
    return generate(MadeShop(), inputs, MAPPING, folder / "examples", options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return made(tmp_path_factory.mktemp("whole"), RecentSample(key=KEY))


def digests_of(dataset: Dataset) -> Counter[tuple[str, int, str]]:
    """Split, instant and encoded bytes of every example of the dataset's files."""
    found: Counter[tuple[str, int, str]] = Counter()
    for split in SPLITS:
        visits = dataset.read(split)
        for cutoff in range(visits.cutoffs):
            rows = np.arange(visits.start[cutoff], visits.stop[cutoff])
            one = EncodedInstance(
                take_rows(visits.events, rows),
                take_rows(visits.metadata, np.array([cutoff])),
            )
            found[split, int(visits.instant_us[cutoff]), one.digest] += 1
    return found


def test_each_is_an_example_of_the_dataset_and_encoded_alike(whole: Dataset) -> None:
    told, there = whole.recent(), digests_of(whole)
    assert len(told) == min(1_000, there.total()) > 300
    assert whole.manifest["recent"] == {"examples": len(told), "key": key_id(KEY)}
    own = Counter((t["split"], t["instant"], t["encoded"]) for t in told)
    assert own <= there
    for example in told:
        one = whole.encoder.encode_instance(example["events"], example["instant"])
        assert one.digest == example["encoded"]


@pytest.mark.parametrize("shards", [1, 5])
def test_shards_do_not_decide_which(
    whole: Dataset, tmp_path: Path, shards: int
) -> None:
    other = made(tmp_path, RecentSample(key=KEY), shards)
    assert Path(other.path, RECENT).read_bytes() == (
        Path(whole.path, RECENT).read_bytes()
    )


@pytest.mark.slow
@pytest.mark.parametrize("shards", [1, 4, 16])
def test_nor_where_one_subject_has_nearly_all(tmp_path: Path, shards: int) -> None:
    rows = made_rows(40)
    first = rows[0]
    start = datetime.fromisoformat(first["time"])
    for number in range(1, 900):
        time = (start + timedelta(minutes=number)).isoformat()
        rows.append({**first, "time": time, "id": f"more-{number}"})
    options = GenerateOptions(shards=shards, check=False)
    inputs = write_files(tmp_path / "raw", rows)
    dataset = generate(MadeShop(), inputs, MAPPING, tmp_path / "examples", options)
    total = sum(each["examples"] for each in dataset.manifest["splits"].values())
    assert len(dataset.recent()) == min(1_000, total) > 900


def test_the_key_is_not_shown() -> None:
    assert "0123" not in repr(GenerateOptions(recent=RecentSample(key=KEY)))


def test_one_example_of_each_subject_comes_first(
    whole: Dataset, tmp_path: Path
) -> None:
    subjects = {line["subject"] for line in whole.recent()}
    few = made(tmp_path, RecentSample(len(subjects) // 2, KEY)).recent()
    assert len({line["subject"] for line in few}) == len(few) == len(subjects) // 2


@pytest.mark.parametrize("most", [1, 3, 8, 40])
def test_few_are_the_first_of_all(most: int) -> None:
    draws = np.random.default_rng(most)
    hashed = draws.integers(0, 60, 2_000)
    lot = draws.permutation(2_000).astype(np.uint64)
    lowest = {of: int(lot[hashed == of].min()) for of in np.unique(hashed).tolist()}
    wanted = sorted(lowest.values())[:most]
    drawn, rank = _drawn(hashed, lot, most, examples=100)
    assert lot[drawn].tolist() == wanted and not rank.any()


def test_all_are_ranked_where_subjects_are_few() -> None:
    draws = np.random.default_rng(5)
    hashed = draws.integers(0, 7, 300)
    lot = draws.permutation(300).astype(np.uint64)
    expected = sorted(
        (int((lot[hashed == of] < own).sum()), int(own))
        for of, own in zip(hashed.tolist(), lot, strict=True)
    )[:100]
    drawn, rank = _drawn(hashed, lot, 20, examples=100)
    assert list(zip(rank.tolist(), lot[drawn].tolist(), strict=True)) == expected


@pytest.mark.slow
def test_subjects_are_known_by_the_key_alone(whole: Dataset, tmp_path: Path) -> None:
    def named(subject: str) -> str:
        hashed = subject_hash(subject).to_bytes(8, "little", signed=True)
        return hashlib.blake2b(hashed, key=KEY, digest_size=16).hexdigest()

    of = {named(row["visitor"]) for row in ROWS}
    found = {line["subject"] for line in whole.recent()}
    assert found and found <= of
    nameless = made(tmp_path, RecentSample(5)).recent()
    assert [line["subject"] for line in nameless] == [None] * 5
    text = gzip.decompress(Path(whole.path, RECENT).read_bytes()).decode()
    assert not any(f'"{row["visitor"]}"' in text for row in ROWS)


def test_none_are_told_where_none_are_asked_for(tmp_path: Path) -> None:
    dataset = made(tmp_path, RecentSample(0))
    assert dataset.recent() == []
    assert not Path(dataset.path, "candidates").exists()
    Path(dataset.path, RECENT).unlink()
    with pytest.raises(DatasetError, match="Generate the dataset again"):
        dataset.recent()


def test_a_damaged_file_is_said_whatever_the_damage(whole: Dataset, tmp_path) -> None:
    content = Path(whole.path, RECENT).read_bytes()
    copy = Dataset(str(tmp_path), whole.manifest)
    right = whole.recent()
    for place in range(0, len(content), 97):
        broken = bytearray(content)
        broken[place] ^= 0x55
        (tmp_path / RECENT).write_bytes(broken)
        try:
            assert copy.recent() == right  # a header's date, say
        except DatasetError as error:
            assert "Generate the dataset again" in str(error)
    (tmp_path / RECENT).write_bytes(content[:-9])
    with pytest.raises(DatasetError):
        copy.recent()
