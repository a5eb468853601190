"""A dataset as a directory: written aside, then published whole, or not at all.

A directory without its COMPLETED mark does not exist for readers. On a local disk the
work is done under a temporary name, by one run at a time, brought to the disk and
renamed; elsewhere, where a rename is no single step, the mark alone decides.
"""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from zap.datasets.claim import COMPLETED, Claim, remove_folder
from zap.datasets.publishing import (
    place,
    remove_unfinished,
    replace_folder,
    sync,
    sync_tree,
)
from zap.datasets.recent import RECENT, unpacked_lines
from zap.datasets.splits import SPLITS
from zap.datasets.stores import reading, store_of
from zap.datasets.tfexample import FORMAT_VERSION, decode_visits
from zap.datasets.tfrecord import read_records
from zap.datasets.variants import with_variant
from zap.datasets.visits import InputSpec, Visits, concatenate
from zap.datasets.writing import writing, written
from zap.encoding.encoder import Encoder
from zap.errors import DatasetError

MANIFEST, ENCODER = "manifest.json", "encoder.json"
DEAD_LETTERS = "dead_letters"
READING = 4
"""Files read at once, and so the most that are held as records: a store answers each
after a while, however small it is."""


@dataclass(frozen=True)
class Dataset:
    """A finished dataset.

    Attributes:
        path: its directory.
        manifest: what it holds and how it was made.
    """

    path: str
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """The dataset in the directory ``path``.

        Raises:
            DatasetError: there is none, it is not complete, or of another format.
        """
        where = str(path).rstrip("/")
        files, root = store_of(where)
        with reading(where):
            whole, there = files.exists(f"{root}/{COMPLETED}"), files.exists(root)
            is_bundle = whole and files.exists(f"{root}/bundle.json")
        if not whole:
            what = "no such directory"
            if there:
                what = f"a directory without {COMPLETED}: its job did not finish"
            raise DatasetError(
                f"Expected a finished dataset. Received: examples={where}, {what}. "
                "Make it with zap generate."
            )
        if is_bundle:
            raise DatasetError(
                f"Expected a dataset. Received: examples={where}, a bundle. Give the "
                "examples that zap generate made."
            )
        manifest = _read_object(files, f"{root}/{MANIFEST}")
        if manifest.get("format_version") != FORMAT_VERSION:
            raise DatasetError(
                f"Expected a dataset of format {FORMAT_VERSION}. Received: "
                f"format_version={manifest.get('format_version')!r} in {where}. "
                "Generate it again with this version."
            )
        return cls(where, manifest)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that made the examples."""
        files, root = store_of(self.path)
        encoder = Encoder.from_dict(_read_object(files, f"{root}/{ENCODER}"))
        if encoder.fingerprint != self.manifest["encoder_fingerprint"]:
            raise DatasetError(
                "Expected the encoder that made the examples. Received: "
                f"path={self.path}/{ENCODER}, which has changed since. Generate the "
                "dataset again."
            )
        return encoder

    @property
    def spec(self) -> InputSpec:
        """The shape of what a model reads."""
        return InputSpec(**self.manifest["inputs"])

    def parts(self, split: str) -> list[Mapping[str, Any]]:
        """The files of one part, as the manifest describes them."""
        return [part for part in self.manifest["parts"] if part["split"] == split]

    def read(self, split: str) -> Visits:
        """All visits of one part, in an order that files and shards do not decide.

        Args:
            split: "train", "validation" or "test".

        Raises:
            DatasetError: the part has no examples, or a file is damaged or missing.
        """
        if split not in SPLITS:
            raise DatasetError(
                f"Expected a split of {', '.join(SPLITS)}. Received: split={split!r}."
            )
        parts = self.parts(split)
        if not any(part["visits"] for part in parts):
            raise DatasetError(
                f"Expected examples in the split {split!r} of {self.path}. Received: "
                "none. Choose another split, or other shares for it."
            )
        return self._visits(parts)

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the counterfactual versions of the test part that are stored."""
        return tuple(self.manifest.get("variants", {}))

    def read_touched(self, name: str) -> Visits:
        """The subjects that a variant changes, under it; some may have no examples.

        Raises:
            DatasetError: the dataset has no such variant, or a file is damaged.
        """
        if name not in self.variants:
            there = ", ".join(self.variants) or "none: nothing was touched"
            raise DatasetError(
                f"Expected a variant of {self.path} ({there}). "
                f"Received: variant={name!r}."
            )
        return self._visits(self.manifest["variants"][name]["parts"])

    def read_variant(self, name: str) -> Visits:
        """The test part with the subjects that the variant touches replaced.

        Raises:
            DatasetError: as for ``read_touched``.
        """
        test = self.read("test") if self.parts("test") else None
        return with_variant(test, self.read_touched(name))

    def recent(self) -> list[dict[str, Any]]:
        """Some examples as the events that serving would see; see `RecentSample`.

        Raises:
            DatasetError: there are none, or the file is damaged.
        """
        files, root = store_of(self.path)
        try:
            lines = unpacked_lines(files.cat_file(f"{root}/{RECENT}"))
            return [json.loads(line) for line in lines]
        except (OSError, ValueError) as error:
            raise DatasetError(
                "Expected examples to verify a model with. Received: "
                f"path={self.path}/{RECENT}, which is missing or damaged ({error}). "
                "Generate the dataset again."
            ) from error

    def _visits(self, parts: Sequence[Mapping[str, Any]]) -> Visits:
        """The visits of some files, read together and decoded one by one.

        Records are let go as soon as they are arrays, which are a quarter of them.
        """
        with ThreadPoolExecutor(READING) as threads:
            found = [part for part in threads.map(self._part, parts) if part]
        return concatenate(found).canonical_order()

    def _part(self, part: Mapping[str, Any]) -> Visits | None:
        path = f"{self.path}/{part['path']}"
        records = list(read_records(path, self.manifest["compression"]))
        if len(records) != part["visits"]:
            raise DatasetError(
                f"Expected {part['visits']} records in {path}. "
                f"Received: {len(records)}. Generate the dataset again."
            )
        if not records:
            return None
        return decode_visits(
            records,
            self.manifest["statistics"],
            self.manifest["baseline"],
            self.manifest["moment"],
        )


def check_output(output: str | Path, replace: bool = False) -> None:
    """Check that a dataset may be made in a local folder, before anything is done.

    Raises:
        DatasetError: something is there that may not be replaced, or fsspec knows no
            such store.
    """
    where = str(output).rstrip("/")
    files, root = store_of(where)
    if "file" in files.protocol and files.isdir(root):
        _check_free(files, root, where, replace)


def _check_free(files: Any, root: str, output: str, replace: bool) -> None:
    if not (files.exists(root) and files.ls(root)):
        return
    dataset = _is_dataset(files, root)
    if dataset and replace:
        return
    fix = "Choose another"
    fix += ", or pass --replace to replace the dataset there." if dataset else "."
    raise DatasetError(
        "Expected an output directory that does not exist yet, or is empty. "
        f"Received: output={output}. {fix}"
    )


class Workspace:
    """Where a dataset is made before it is published.

    On a local disk it is claimed: a second run for the same output is refused while the
    first is alive, and what dead runs left is removed.

    Args:
        output: the directory to be.
        replace: whether a dataset that is there already may go.

    Raises:
        DatasetError: the directory exists and may not be replaced, cannot be made, or
            is being made by another run.
    """

    def __init__(self, output: str | Path, replace: bool = False):
        self.output = str(output).rstrip("/")
        self._files, self._root = store_of(self.output)
        self._replace = replace
        self._claim: Claim | None = None
        if "file" in self._files.protocol:
            # Through links, so that two names of one output are one claim.
            self._root = os.path.realpath(self._root)
            self.path = self._make_aside()
        else:
            self._check_free()
            self._remove_remote()
            self.path = self.output
        self._where = store_of(self.path)[1]

    @property
    def local(self) -> bool:
        """Whether it lies on a disk of this machine."""
        return self._claim is not None

    def _check_free(self) -> None:
        """Only what Zap wrote is ever removed, and only if that was asked for."""
        _check_free(self._files, self._root, self.output, self._replace)

    def _make_aside(self) -> str:
        """A temporary directory beside the one to be, which is claimed."""
        try:
            self._claim = Claim(Path(self._root))
            self.path = str(self._claim.new_folder())
            self._claim.recover()
            self._check_free()
            self._claim.clear()
            for part in (*SPLITS, DEAD_LETTERS):
                Path(self.path, part).mkdir(parents=True)
        except BaseException as error:
            if self._claim is not None:
                self.discard()
            if not isinstance(error, OSError):
                raise
            raise DatasetError(
                "Expected an output directory that can be made. Received: "
                f"output={self.output} ({error.strerror}). Choose another."
            ) from error
        return self.path

    def _remove_remote(self) -> None:
        """Remove a dataset, its mark first: half of one never looks whole."""
        if self._anew().exists(f"{self._root}/{COMPLETED}"):
            self._files.rm_file(f"{self._root}/{COMPLETED}")
        if self._anew().exists(self._root):
            self._files.rm(self._root, recursive=True)

    def write_json(self, name: str, data: Any) -> None:
        """Write a JSON file of the dataset.

        Raises:
            DatasetError: the disk is full, or fails.
        """
        text = json.dumps(data, indent=2, sort_keys=True, allow_nan=False)
        self.write_bytes(name, f"{text}\n".encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the dataset.

        Raises:
            DatasetError: the disk is full, or fails.
        """
        with written(f"{self.path}/{name}") as file:
            file.write(content)

    def read_json(self, name: str) -> Any:
        """Read a JSON file that a job wrote into the workspace."""
        return json.loads(self.read_text(name))

    def glob(self, pattern: str) -> list[str]:
        """Names of the workspace's files that match, in order."""
        found = self._anew().glob(f"{glob.escape(self._where)}/{pattern}")
        return sorted(str(path)[len(self._where) + 1 :] for path in found)

    def read_text(self, name: str) -> str:
        """The text of a file of the workspace."""
        return self.read_bytes(name).decode()

    def read_bytes(self, name: str) -> bytes:
        """What a file of the workspace holds."""
        return bytes(self._files.cat_file(f"{self._where}/{name}"))

    def remove(self, name: str) -> None:
        """Remove a file of the workspace."""
        self._files.rm_file(f"{self._where}/{name}")

    def remove_folder(self, name: str) -> None:
        """Remove a folder of the workspace, if it is there, and what it holds."""
        if self._anew().exists(f"{self._where}/{name}"):
            self._files.rm(f"{self._where}/{name}", recursive=True)

    def _anew(self) -> Any:
        """The file system, which forgets what it saw: others write here too."""
        self._files.invalidate_cache()
        return self._files

    def publish(self) -> None:
        """Mark the dataset as complete and give it its name.

        Raises:
            DatasetError: something took the name meanwhile; or the disk is full.
        """
        mark = f"{self.path}/{COMPLETED}"
        with writing(self.output):
            if self._claim is not None:
                remove_unfinished(Path(self.path))
                sync_tree(Path(self.path))
            with written(mark) as file:
                file.write(b"")
            if self._claim is not None:
                sync(mark)
                sync(self.path)
                self._rename(Path(self.path), self._claim.final)
                self._claim.release(keep_parents=True)

    def _rename(self, made: Path, final: Path) -> None:
        if place(made, final):
            sync(final.parent)
            return
        self._check_free()
        replace_folder(made, final)

    def discard(self) -> None:
        """Remove what was made so far."""
        if self._claim is None:
            self._remove_remote()
            return
        remove_folder(Path(self.path))
        self._claim.release(keep_parents=False)


def _read_object(files: Any, path: str) -> dict[str, Any]:
    """A JSON file of a finished dataset."""
    try:
        found = json.loads(files.cat_file(path))
    except (OSError, ValueError) as error:
        found = error
    if not isinstance(found, dict):
        raise DatasetError(
            f"Expected a JSON object in a file of the dataset. Received: path={path}, "
            f"which is missing or damaged ({found}). Generate the dataset again."
        )
    return found


def _is_dataset(files: Any, root: str) -> bool:
    """Whether a manifest there is one that Zap wrote."""
    try:
        return "encoder_fingerprint" in _read_object(files, f"{root}/{MANIFEST}")
    except DatasetError:
        return False
