"""Bundles written to each kind of store: whole or not there, and never over others'."""

from __future__ import annotations

import fsspec
import pytest

from zap.bundles.bundle import COMPLETED, INFO, Bundle, write_bundle
from zap.bundles.files import files_at
from zap.bundles.sealed import seal
from zap.errors import BundleError

FILES = {"model.tflite": bytes(range(256)), "config.json": {"units": 3}}
SEALED = {"verification.jsonl.gz": seal([{"id": "a", "score": 0.1}])}


def stored(url: str) -> dict[str, bytes]:
    """All files below a path, read by fsspec alone."""
    store, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
    return {path[len(root) + 1 :]: store.cat_file(path) for path in store.find(root)}


def test_a_bundle_is_the_same_in_each_store(root: str, tmp_path) -> None:
    there = write_bundle(f"{root}/b", FILES, {"application": "shop"}, sealed=SEALED)
    here = write_bundle(tmp_path / "here", FILES, {}, sealed=SEALED)
    assert there.version == here.version == Bundle.load(f"{root}/b").version
    kept = stored(f"{root}/b")
    assert {*kept} == {*FILES, *SEALED, INFO, COMPLETED}
    assert kept["model.tflite"] == FILES["model.tflite"]


def test_a_taken_path_needs_a_request(root: str) -> None:
    write_bundle(f"{root}/b", FILES, {})
    before = stored(f"{root}/b")
    with pytest.raises(BundleError, match="--replace"):
        write_bundle(f"{root}/b", {"a": b"2"}, {})
    assert stored(f"{root}/b") == before
    assert write_bundle(f"{root}/b", {"a": b"2"}, {}, replace=True).read("a") == b"2"


def test_what_is_no_bundle_is_left_alone(root: str) -> None:
    files_at(f"{root}/b").create("thesis.txt", b"years of work")
    for replace in (False, True):
        with pytest.raises(BundleError, match="Choose another path"):
            write_bundle(f"{root}/b", FILES, {}, replace=replace)
    assert stored(f"{root}/b") == {"thesis.txt": b"years of work"}


def test_what_a_killed_process_left_is_written_over(root: str) -> None:
    """Where files come one by one: the mark is the last, and without it is nothing."""
    if "://" not in root:
        pytest.skip("on a disk a bundle appears in one step")
    write_bundle(f"{root}/b", FILES, {})
    store, where = fsspec.core.url_to_fs(f"{root}/b")
    names = sorted(stored(f"{root}/b"), key=[INFO, *FILES, COMPLETED].index)
    for name in reversed(names[1:]):
        store.rm_file(f"{where}/{name}")
        with pytest.raises(BundleError, match="COMPLETED"):
            Bundle.load(f"{root}/b")
    assert write_bundle(f"{root}/b", {"a": b"2"}, {}).read("a") == b"2"


def test_a_bundle_that_is_replaced_never_looks_whole(root: str, monkeypatch) -> None:
    """At each step of a replacement a reader gets one bundle whole, or an error."""
    written = write_bundle(f"{root}/b", FILES, {})
    seen = []

    kind = type(written._files)
    replaced = kind.replace

    def looked(self, name: str, content: bytes) -> None:
        replaced(self, name, content)
        with pytest.raises(BundleError, match="COMPLETED"):
            Bundle.load(f"{root}/b")
        seen.append(name)

    monkeypatch.setattr(kind, "replace", looked)
    write_bundle(f"{root}/b", {"a": b"2"}, {}, replace=True)
    assert seen == ([INFO, "a"] if "://" in root else [])
