"""Bundles: whole or not at all, and every changed byte noticed."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from zap.bundles import checked, folders, writing
from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.sealed import seal
from zap.datasets import publishing
from zap.errors import BundleError

FILES = {
    "model.tflite": bytes(range(256)),
    "calibrator.json": {"bias": [0.5, -0.5], "kind": "matrix_scaling"},
    "history.json": [{"epoch": 1, "loss": 0.5}],
    "report.html": b"<p>fine</p>",
}
INFO = {"application": "shop", "encoder_fingerprint": "abc"}
SEALED = "verification.jsonl.gz"
RECORDS = [{"id": "a", "score": 0.1}, {"id": "b", "score": 1 / 3}]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    sealed = {SEALED: seal(RECORDS)}
    return Path(write_bundle(tmp_path / "bundle", FILES, INFO, sealed=sealed).path)


def test_round_trip(written: Path) -> None:
    bundle = Bundle.load(written)
    assert bundle.files == sorted(FILES)
    assert bundle.read("model.tflite") == FILES["model.tflite"]
    assert bundle.json("calibrator.json") == FILES["calibrator.json"]
    assert bundle.json("history.json") == FILES["history.json"]
    assert bundle.info["application"] == "shop"
    assert bundle.info["format_version"] == checked.FORMAT_VERSION


@pytest.mark.parametrize("name", [*FILES, SEALED, "bundle.json", "COMPLETED"])
def test_one_changed_byte_is_noticed_and_its_file_named(
    written: Path, name: str
) -> None:
    content = (written / name).read_bytes()
    for at in {0, len(content) // 2, len(content) - 1}:
        changed = bytearray(content)
        changed[at] ^= 1
        (written / name).write_bytes(changed)
        with pytest.raises(BundleError, match=name.replace(".", r"\.")):
            Bundle.load(written)
    (written / name).write_bytes(content)
    Bundle.load(written)


@pytest.mark.parametrize("name", [*FILES, SEALED])
def test_missing_or_shortened_file(written: Path, name: str) -> None:
    content = (written / name).read_bytes()
    (written / name).write_bytes(content[:-1])
    with pytest.raises(BundleError, match=name):
        Bundle.load(written)
    (written / name).unlink()
    with pytest.raises(BundleError, match=name):
        Bundle.load(written)


def test_the_version_follows_from_the_files_alone(
    written: Path, tmp_path: Path
) -> None:
    bundle = Bundle.load(written)
    digests = {
        name: hashlib.sha256(bundle.read(name)).hexdigest() for name in bundle.files
    }
    text = json.dumps(digests, sort_keys=True, separators=(",", ":"))
    assert bundle.version == hashlib.sha256(text.encode()).hexdigest()[:16]
    same = write_bundle(tmp_path / "same", FILES, {"application": "other"})
    assert same.version == bundle.version
    for number, name in enumerate(FILES):
        other = write_bundle(tmp_path / str(number), {**FILES, name: b"2"}, INFO)
        assert other.version != bundle.version


def test_a_bundle_without_sealed_files_loads(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle", FILES, INFO)
    assert "sealed" not in bundle.info and Bundle.load(bundle.path).sealed == []


def test_sealed_files_are_read_like_others(written: Path) -> None:
    bundle = Bundle.load(written)
    assert bundle.sealed == [SEALED] and SEALED not in bundle.files
    assert bundle.read(SEALED) == (written / SEALED).read_bytes()
    found, said = bundle.records(SEALED)
    assert found == RECORDS and said.count == 2
    with pytest.raises(BundleError, match=r"plain file name.*model\.tflite"):
        sealed = {"model.tflite": seal([])}
        write_bundle(written.parent / "twice", FILES, INFO, sealed=sealed)
    with pytest.raises(BundleError, match="has changed"):
        write_bundle(written.parent / "not", FILES, INFO, sealed={SEALED: b"{}"})


def test_names_in_a_bundle_lead_nowhere_else(written: Path) -> None:
    """Whoever made it: a registry copies files by these names."""
    (written.parent / "secret").write_bytes(b"mine")
    right = json.loads((written / "bundle.json").read_bytes())
    digest = hashlib.sha256(b"mine").hexdigest()
    for wrong in ({"files": {"../secret": digest}}, {"sealed": ["../secret"]}):
        info = {**right, **wrong}
        content = json.dumps(info).encode()
        (written / "bundle.json").write_bytes(content)
        mark = f"{hashlib.sha256(content).hexdigest()}\n"
        (written / "COMPLETED").write_text(mark)
        with pytest.raises(BundleError, match=r"plain file name.*\.\./secret"):
            Bundle.load(written)


def test_a_bundle_of_a_url(written: Path) -> None:
    fsspec = pytest.importorskip("fsspec", reason="needs extra: dev")
    assert Bundle.load(f"file://{written}").path == written
    store, here = fsspec.filesystem("memory"), Bundle.load(written)
    for name, content in here.contents().items():
        store.pipe_file(f"/bundles/{written.parent.name}/{name}", content)
    url = f"memory://bundles/{written.parent.name}"
    there = Bundle.load(url)
    assert there.path == url and there.info == here.info
    assert there.contents() == here.contents()
    for name in (*FILES, SEALED):
        content = here.read(name)
        store.pipe_file(f"{url}/{name}", content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(BundleError, match=f"{url}/{name}"):
            Bundle.load(url)
        store.rm_file(f"{url}/{name}")
        with pytest.raises(BundleError, match=f"{url}/{name}"):
            Bundle.load(url)
        store.pipe_file(f"{url}/{name}", content)
    with pytest.raises(BundleError, match=r"nothing, which is empty or does not exist"):
        Bundle.load("memory://bundles/nothing")


def test_change_after_loading_is_noticed_at_reading(written: Path) -> None:
    bundle = Bundle.load(written)
    (written / "report.html").write_bytes(b"<p>evil</p>")
    with pytest.raises(BundleError, match=r"report\.html"):
        bundle.read("report.html")


def test_without_completed_there_is_no_bundle(written: Path, tmp_path: Path) -> None:
    (written / "COMPLETED").unlink()
    with pytest.raises(BundleError, match="COMPLETED"):
        Bundle.load(written)
    with pytest.raises(BundleError, match="does not exist"):
        Bundle.load(tmp_path / "nothing")


def test_newer_format_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer, pytest.raises(BundleError):
        newer.setattr(writing, "FORMAT_VERSION", 99)
        write_bundle(tmp_path / "new", FILES, INFO)
        newer.undo()
        Bundle.load(tmp_path / "new")


def test_unknown_part(written: Path) -> None:
    with pytest.raises(BundleError, match=r"Received: file='weights\.h5'"):
        Bundle.load(written).read("weights.h5")
    with pytest.raises(BundleError, match="JSON"):
        Bundle.load(written).json("report.html")


def test_taken_path_needs_a_request(written: Path) -> None:
    with pytest.raises(BundleError, match="nothing is yet"):
        write_bundle(written, {"a": b"2"}, {})
    assert Bundle.load(written).files == sorted(FILES)
    replaced = write_bundle(written, {"a": b"2"}, {}, replace=True)
    assert replaced.files == ["a"] and replaced.read("a") == b"2"
    assert os.listdir(written.parent) == ["bundle"]


def test_replace_spares_what_is_no_bundle(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError):
        write_bundle(tmp_path / "home", FILES, INFO, replace=True)
    assert (tmp_path / "home" / "thesis.txt").exists()


@pytest.mark.parametrize("name", ["../up", "a/b", "", "bundle.json", "COMPLETED"])
def test_names_of_files_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleError, match="plain file name"):
        write_bundle(tmp_path / "b", {name: b""}, {})


def test_nan_and_objects_are_no_json(tmp_path: Path) -> None:
    for content in ({"auc": float("nan")}, {"model": object()}):
        with pytest.raises(BundleError, match=r"metrics\.json"):
            write_bundle(tmp_path / "b", {"metrics.json": content}, {})
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("call", ["write_file", "place"])
def test_a_failing_disk_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, call, full)
    with pytest.raises(BundleError, match="No space left"):
        write_bundle(tmp_path / "b", FILES, INFO)
    assert not os.listdir(tmp_path)


def test_a_failing_rename_keeps_the_bundle_before(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def failing(source: Path, target: Path) -> None:
        if str(source).endswith(".new"):
            raise OSError(5, "Input/output error")
        rename(source, target)

    monkeypatch.setattr(publishing, "exchange", lambda *_: False)
    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(BundleError, match="Input/output"):
        write_bundle(written, {"a": b"2"}, {}, replace=True)
    assert Bundle.load(written).files == sorted(FILES)
    assert os.listdir(written.parent) == ["bundle"]


def test_loading_needs_neither_tensorflow_nor_beam(written: Path) -> None:
    code = (
        "import sys\n"
        "import zap.serving.scorer\n"
        "from zap.bundles.bundle import Bundle\n"
        "from zap.bundles.calibrator import MatrixScaling\n"
        "Bundle.load(sys.argv[1]).read('model.tflite')\n"
        "heavy = {'tensorflow', 'keras', 'apache_beam', 'pyarrow', 'fsspec'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    command = [sys.executable, "-c", code, str(written)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
