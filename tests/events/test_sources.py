"""Files are found once each, and in an order that is theirs alone."""

import hashlib
from pathlib import Path

import pytest

from zap.errors import InputError
from zap.events import sources
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.patterns import format_of
from zap.events.sources import Source, list_files, list_sources, named, named_by_path
from zap.times import instant_us

LEAST = {"fields": {"timestamp": "ts", "type": "event"}}
MAPPING = EventMapping.from_dict(LEAST)


def files(tmp_path: Path) -> Path:
    for name, text in {
        "b.csv": "b",
        "a.csv.gz": "a",
        "deep/c.jsonl": "cc",
        "_SUCCESS": "",
        "notes.txt": "x",
        ".hidden.csv": "x",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_directories_globs_and_paths_give_each_file_once(tmp_path: Path) -> None:
    root = files(tmp_path)
    found = list_sources([str(root)], MAPPING)
    assert sorted(Path(s.path).name for s in found) == ["a.csv.gz", "b.csv", "c.jsonl"]
    patterns = [
        f"{root}/*.csv",
        str(root / "b.csv"),
        f"{root}/./b.csv",
        f"{root}/**/*.jsonl",
    ]
    patterns += [f"{root}/a.csv.gz", f"file://{root}/a.csv.gz"][:1]
    assert list_sources(patterns, MAPPING) == found
    assert list_sources(patterns[::-1], MAPPING) == found


def test_a_source_says_what_its_file_holds(tmp_path: Path) -> None:
    [source] = list_sources([f"{files(tmp_path)}/deep/c.jsonl"], MAPPING)
    digest = hashlib.blake2b(b"cc", digest_size=16).hexdigest()
    assert source == Source(str(tmp_path / "deep/c.jsonl"), digest, 2, "jsonl")


def test_paths_with_a_protocol(tmp_path: Path) -> None:
    root = files(tmp_path)
    expected = [s.digest for s in list_sources([str(root)], MAPPING)]
    assert [s.digest for s in list_sources([f"file://{root}"], MAPPING)] == expected
    assert len(list_sources([f"file://{root}/*.csv"], MAPPING)) == 1
    with pytest.raises(InputError, match="none"):
        list_sources([f"file://{root}/none.csv"], MAPPING)
    with pytest.raises(InputError, match="protocol"):
        list_sources(["nosuch://x/y.csv"], MAPPING)


@pytest.mark.parametrize("name", ["none.csv", "*.orc", "empty.csv", "notes.txt"])
def test_what_cannot_be_events_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (files(tmp_path) / "empty.csv").touch()
    with pytest.raises(InputError, match=name.replace("*", r"\*")):
        list_sources([f"{tmp_path}/{name}"], MAPPING)


def test_a_mapping_may_say_the_format(tmp_path: Path) -> None:
    mapping = EventMapping.from_dict({**LEAST, "format": "csv"})
    [source] = list_sources([f"{files(tmp_path)}/notes.txt"], mapping)
    assert source.format == "csv"


DAY_US = 86_400_000_000


def test_a_declared_observed_range_is_in_the_mappings_zone() -> None:
    said = {"from": "1970-01-02", "until": "1970-01-03T00:00:00Z"}
    mapping = EventMapping.from_dict({**LEAST, "observed": said})
    assert observed_range(mapping, []) == (DAY_US, 2 * DAY_US)
    paris = EventMapping.from_dict(
        {**LEAST, "observed": said, "timezone": "Europe/Paris"}
    )
    assert observed_range(paris, []) == (DAY_US - DAY_US // 24, 2 * DAY_US)
    assert observed_range(MAPPING, []) is None


def test_partitions_say_the_observed_range() -> None:
    said = {"partitions": "date=%Y-%m-%d"}
    mapping = EventMapping.from_dict({**LEAST, "observed": said})
    paths = [f"s3://b/date=1970-01-{day:02}/x.csv" for day in (4, 2, 3)]
    assert observed_range(mapping, paths) == (DAY_US, 4 * DAY_US)
    assert observed_range(mapping, []) is None
    with pytest.raises(InputError, match=r"other/x\.csv"):
        observed_range(mapping, [*paths, "other/x.csv"])


@pytest.mark.parametrize(
    ("form", "names", "until"),
    [
        ("dt=%Y-%m-%d-%H", ["1970-01-01-22", "1970-01-01-23"], "1970-01-02"),
        ("dt=%Y%m%dT%H%M", ["19700101T2230"], "1970-01-01T22:31"),
        ("dt=%Y-%j", ["1970-002"], "1970-01-03"),
        ("dt=%Y-%m", ["1970-01", "1970-02"], "1970-03-01"),
        ("dt=%Y-%b", ["1970-Dec"], "1971-01-01"),
        ("dt=%Y", ["1970"], "1971-01-01"),
    ],
)
def test_a_partition_is_as_long_as_its_name_is_fine(
    form: str, names: list[str], until: str
) -> None:
    """Of an hour's file nobody knows the rest of the day."""
    mapping = EventMapping.from_dict({**LEAST, "observed": {"partitions": form}})
    found = observed_range(mapping, [f"s3://b/dt={name}/x.csv" for name in names])
    assert found is not None and found[1] == instant_us(until)


def test_files_are_found_without_being_read(tmp_path: Path, monkeypatch) -> None:
    root = files(tmp_path)
    expected = sorted(
        (str(path), path.stat().st_size, format_of(str(path)))
        for path in root.rglob("[a-c].*")
    )
    monkeypatch.setattr(sources, "open_bytes", None)
    found = list_files([str(root)], MAPPING)
    assert [(f.path, f.size_bytes, f.format) for f in found] == expected
    remote = list_files([f"file://{root}"], MAPPING)
    assert [f.size_bytes for f in remote] == [f.size_bytes for f in found]
    (root / "empty.csv").touch()
    with pytest.raises(InputError, match="empty"):
        list_files([str(root)], MAPPING)


def test_a_name_by_path_tells_of_the_path_alone(tmp_path: Path) -> None:
    first, *_ = list_files([str(files(tmp_path))], MAPPING)
    before = named_by_path(first)
    Path(first.path).write_text("other")
    assert named_by_path(first) == before
    assert named(first).digest != before.digest
    assert (before.path, before.format) == (first.path, first.format)
