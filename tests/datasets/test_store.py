"""Workspaces and finished datasets: whole or not there, and nothing else removed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
from made_visits import examples_of, made_visits

from zap.datasets.store import COMPLETED, ENCODER, MANIFEST, Dataset, Workspace
from zap.datasets.tfexample import FORMAT_VERSION, encode_visits
from zap.datasets.tfrecord import write_records
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash
from zap.encoding.instance import Instance
from zap.errors import DatasetError, ZapError

ENCODER_MADE = Encoder(
    Instance(types=["page_view"], fields=[Hash("url.path")], hash_buckets=16)
)


def manifest_of(paths: list[str], sizes: list[int], **more) -> dict:
    return {
        "format_version": FORMAT_VERSION,
        "encoder_fingerprint": ENCODER_MADE.fingerprint,
        "compression": "none",
        "statistics": ["pages"],
        "baseline": ["age_seconds", "events"],
        "moment": ["position"],
        "parts": [
            {"path": path, "split": path.partition("/")[0], "visits": size}
            for path, size in zip(paths, sizes, strict=True)
        ],
        **more,
    }


def publish(output: Path | str, replace: bool = False, seed: int = 0) -> Dataset:
    """A dataset of two training files and one to test."""
    workspace = Workspace(output, replace)
    visits = made_visits(9, seed)
    pieces = {
        "train/part-00000.tfrecord": visits.take_visits(slice(0, 4)),
        "train/part-00001.tfrecord": visits.take_visits(slice(4, 6)),
        "test/part-00000.tfrecord": visits.take_visits(slice(6, 9)),
    }
    for path, piece in pieces.items():
        write_records(f"{workspace.path}/{path}", encode_visits(piece))
    sizes = [len(piece) for piece in pieces.values()]
    workspace.write_json(MANIFEST, manifest_of(list(pieces), sizes, seed=seed))
    workspace.write_json(ENCODER, ENCODER_MADE.to_dict())
    workspace.publish()
    return Dataset.open(output)


def test_a_published_dataset_is_read_in_canonical_order(tmp_path: Path) -> None:
    dataset = publish(tmp_path / "d")
    visits = made_visits(9)
    expected = visits.take_visits(slice(0, 6)).canonical_order()
    assert examples_of(dataset.read("train")) == examples_of(expected)
    assert dataset.encoder.fingerprint == ENCODER_MADE.fingerprint
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_until_it_is_published_nothing_is_at_the_output(tmp_path: Path) -> None:
    output = tmp_path / "a" / "d"
    workspace = Workspace(output)
    workspace.write_json(MANIFEST, {})
    assert not output.exists()
    with pytest.raises(DatasetError, match="no such directory"):
        Dataset.open(output)
    with pytest.raises(DatasetError, match="without COMPLETED"):
        Dataset.open(workspace.path)
    workspace.discard()
    assert list(tmp_path.iterdir()) == []


def test_discarding_leaves_folders_that_were_there(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    Workspace(tmp_path / "mine" / "more" / "d").discard()
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


@pytest.mark.parametrize("name", ["d", "d[lr=0.1]", "d*", "what?"])
def test_files_of_the_workspace_are_found_read_and_removed(
    tmp_path: Path, name: str
) -> None:
    workspace = Workspace(tmp_path / name)
    workspace.write_json("train/b.json", {"b": 1})
    workspace.write_json("train/a.json", {"a": 1})
    assert workspace.glob("train/*") == ["train/a.json", "train/b.json"]
    assert workspace.read_json("train/a.json") == {"a": 1}
    workspace.remove("train/a.json")
    assert workspace.glob("train/*") == ["train/b.json"]
    with pytest.raises(ValueError, match="JSON compliant"):
        workspace.write_json("nan.json", float("nan"))


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        {"notes.txt": "mine"},
        {"manifest.json": '{"name": "a web application"}'},
        {"manifest.json": "not json"},
        {"manifest.json": "[1, 2]"},
    ],
)
def test_what_zap_did_not_write_is_never_removed(
    tmp_path: Path, content: dict[str, str], replace: bool
) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    for name, text in content.items():
        (output / name).write_text(text)
    with pytest.raises(DatasetError, match=r"Received: output=.*mine"):
        Workspace(output, replace)
    assert {p.name: p.read_text() for p in output.iterdir()} == content
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_at_the_output_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("mine")
    for replace in (False, True):
        with pytest.raises(DatasetError, match="Expected an output directory"):
            Workspace(tmp_path / "d", replace)
    with pytest.raises(DatasetError, match="that can be made"):
        Workspace(tmp_path / "d" / "inside")
    assert (tmp_path / "d").read_text() == "mine"


def test_an_empty_directory_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    assert len(publish(tmp_path / "d").read("train")) == 6


def test_a_dataset_is_replaced_only_when_asked(tmp_path: Path) -> None:
    publish(tmp_path / "d", seed=1)
    with pytest.raises(DatasetError, match="--replace"):
        Workspace(tmp_path / "d")
    assert Dataset.open(tmp_path / "d").manifest["seed"] == 1
    assert publish(tmp_path / "d", replace=True, seed=2).manifest["seed"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_of_two_runs_for_one_output_the_second_is_refused_at_once(
    tmp_path: Path,
) -> None:
    first = Workspace(tmp_path / "d")
    first.write_json("mine.json", {})
    for replace in (False, True):
        with pytest.raises(DatasetError, match=r"no other run.*Received: output=.*/d,"):
            Workspace(tmp_path / "d", replace)
    assert first.glob("*.json") == ["mine.json"]
    first.discard()
    assert publish(tmp_path / "d", seed=1).manifest["seed"] == 1


def test_an_output_that_was_taken_meanwhile_is_not_touched(tmp_path: Path) -> None:
    for replace in (False, True):
        workspace = Workspace(tmp_path / "d", replace)
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "notes.txt").write_text("mine")
        with pytest.raises(DatasetError, match="that does not exist yet"):
            workspace.publish()
        workspace.discard()
        assert [path.name for path in (tmp_path / "d").iterdir()] == ["notes.txt"]
        assert [path.name for path in tmp_path.iterdir()] == ["d"]
        shutil.rmtree(tmp_path / "d")


def test_a_link_at_the_output_stays_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "d").symlink_to(tmp_path / "disk" / "real")
    assert publish(tmp_path / "d", seed=1).manifest["seed"] == 1
    held = Workspace(tmp_path / "disk" / "real", replace=True)
    with pytest.raises(DatasetError, match="no other run"):
        Workspace(tmp_path / "d", replace=True)
    held.discard()
    assert publish(tmp_path / "d", replace=True, seed=2).manifest["seed"] == 2
    assert (tmp_path / "d").is_symlink()
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["real"]


KILLED = """
import os, signal, sys
sys.path[:0] = sys.argv[1:3]
from test_store import publish
from zap.datasets import publishing, store

def die(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

def die_at(call, real):
    def counted(*args):
        counted.calls += 1
        return die() if counted.calls == call else real(*args)
    counted.calls = 0
    return counted

def steps_aside(at):
    publishing.exchange = lambda one, other: False
    os.rename = die_at(at, os.rename)

where, output = sys.argv[3:]
{
    "before it is synced": lambda: setattr(store, "sync_tree", die),
    "before the mark is synced": lambda: setattr(store, "sync", die),
    "before the name": lambda: setattr(store, "place", die),
    "before the exchange": lambda: setattr(publishing, "exchange", die),
    "before the old one goes": lambda: setattr(publishing, "remove_folder", die),
    "before the old one steps aside": lambda: steps_aside(2),
    "between two names": lambda: steps_aside(3),
    "before the lock goes": lambda: setattr(store.Claim, "release", die),
}[where]()
publish(output, replace=True, seed=2)
"""


@pytest.mark.parametrize(
    ("where", "survives"),
    [
        ("before it is synced", 1),
        ("before the mark is synced", 1),
        ("before the name", 1),
        ("before the exchange", 1),
        ("before the old one goes", 2),
        ("before the old one steps aside", 1),
        ("between two names", None),
        ("before the lock goes", 2),
    ],
)
def test_a_killed_job_leaves_one_whole_dataset(
    tmp_path: Path, where: str, survives: int | None
) -> None:
    publish(tmp_path / "d", seed=1)
    here = Path(__file__).parent
    folders = [str(here), str(here.parent / "sites")]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *folders, where, str(tmp_path / "d")],
        env=dict(os.environ),
    )
    assert done.returncode == -signal.SIGKILL
    if survives is None:
        assert not (tmp_path / "d").exists()
        with pytest.raises(DatasetError, match="--replace"):
            Workspace(tmp_path / "d")
    dataset = Dataset.open(tmp_path / "d")
    assert dataset.manifest["seed"] == (survives or 1)
    assert len(dataset.read("train")) == 6
    beside = [p.name for p in tmp_path.iterdir() if p.name != "d"]
    assert all(name.startswith(".") for name in beside)
    assert publish(tmp_path / "d", replace=True, seed=3).manifest["seed"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["d"]


def test_remote_datasets_are_published_by_their_mark() -> None:
    files = fsspec.filesystem("memory")
    output = "memory://bucket/examples"
    dataset = publish(output)
    assert len(dataset.read("train")) == 6
    with pytest.raises(DatasetError, match="--replace"):
        Workspace(output)
    assert publish(output, replace=True, seed=3).manifest["seed"] == 3
    files.rm_file(f"/bucket/examples/{COMPLETED}")
    with pytest.raises(DatasetError, match="without COMPLETED"):
        Dataset.open(output)
    workspace = Workspace("memory://bucket/other")
    workspace.write_json(MANIFEST, {})
    workspace.discard()
    assert not files.exists("/bucket/other")


def test_a_directory_without_its_mark_does_not_exist(tmp_path: Path) -> None:
    publish(tmp_path / "d")
    (tmp_path / "d" / COMPLETED).unlink()
    with pytest.raises(DatasetError, match=r"examples=.*d, a directory without COMP"):
        Dataset.open(tmp_path / "d")


@pytest.mark.parametrize("text", [None, "{", "[]", "null", '{"format_version": 99}'])
def test_a_damaged_manifest_is_named(tmp_path: Path, text: str | None) -> None:
    publish(tmp_path / "d")
    manifest = tmp_path / "d" / MANIFEST
    manifest.unlink() if text is None else manifest.write_text(text)
    with pytest.raises(DatasetError, match=r"manifest\.json|format_version=99"):
        Dataset.open(tmp_path / "d")


@pytest.mark.parametrize("text", [None, "{", "{}", "changed"])
def test_a_changed_encoder_is_refused(tmp_path: Path, text: str | None) -> None:
    dataset = publish(tmp_path / "d")
    encoder = tmp_path / "d" / ENCODER
    if text == "changed":
        data = json.loads(encoder.read_text())
        data["instance"]["last"] = 7
        text = json.dumps(data)
    encoder.unlink() if text is None else encoder.write_text(text)
    with pytest.raises(ZapError, match="Received: "):
        _ = dataset.encoder


def test_missing_records_and_files_are_noticed(tmp_path: Path) -> None:
    dataset = publish(tmp_path / "d")
    path = tmp_path / "d" / "train" / "part-00001.tfrecord"
    whole = path.read_bytes()
    write_records(str(path), encode_visits(made_visits(1)))
    with pytest.raises(DatasetError, match=r"Expected 2 records in .*00001.*: 1\."):
        dataset.read("train")
    path.write_bytes(whole[:-1])
    with pytest.raises(DatasetError, match=r"part-00001\.tfrecord: it is truncated"):
        dataset.read("train")
    path.unlink()
    with pytest.raises(DatasetError, match=r"part-00001\.tfrecord, which is missing"):
        dataset.read("train")
    assert len(dataset.read("test")) == 3


def test_an_empty_or_unknown_part_is_refused(tmp_path: Path) -> None:
    dataset = publish(tmp_path / "d")
    with pytest.raises(DatasetError, match=r"split 'validation'.*Received: none"):
        dataset.read("validation")
    with pytest.raises(DatasetError, match="Expected a split of train, validation"):
        dataset.read("holdout")
