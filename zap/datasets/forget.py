"""One subject taken out of a finished dataset.

Records that are not the subject's keep their bytes and their order. The dataset is
written anew beside the old one and takes its name in one step, so that a reader finds
the one or the other; its manifest says how much was forgotten, and the digest that the
dataset had at first. What was fitted or counted with the subject stays as it was.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from zap.datasets.claim import COMPLETED, Claim
from zap.datasets.digest import add_digests, shown
from zap.datasets.manifest import describe_split
from zap.datasets.parts import describe_part
from zap.datasets.publishing import replace_folder, sync_tree
from zap.datasets.recent import RECENT, dumped, keyed_subject, packed_lines
from zap.datasets.selection import describe_variants, split_parts
from zap.datasets.splits import SPLITS
from zap.datasets.store import DEAD_LETTERS, MANIFEST, Dataset
from zap.datasets.tfexample import decode_visits
from zap.datasets.tfrecord import read_records, write_records
from zap.datasets.writing import writing, written
from zap.errors import DatasetError
from zap.histories.subjects import subject_hash

Part = Mapping[str, Any]


@dataclass(frozen=True)
class Forgotten:
    """What was taken out of a dataset.

    Attributes:
        visits: records, variants' included.
        examples: their examples.
        recent: examples that were told again as events.
        letters: dead letters of the subject.
    """

    visits: int = 0
    examples: int = 0
    recent: int = 0
    letters: int = 0

    @property
    def total(self) -> int:
        """Examples, recent ones and letters."""
        return self.examples + self.recent + self.letters


@dataclass(frozen=True)
class _Found:
    """What of a dataset is the subject's.

    Attributes:
        parts: by path, the files that hold any, as they are without: the description
            and the records.
        recent: the recent examples that stay; None where all do.
        letters: by path, the dead letters that stay, of files that hold any.
        forgotten: how much goes.
    """

    parts: Mapping[str, tuple[dict[str, Any], list[bytes]]]
    recent: list[dict[str, Any]] | None
    letters: Mapping[str, list[str]]
    forgotten: Forgotten


def forget_subject(
    path: str | Path, names: Collection[str], key: bytes | None = None
) -> Forgotten:
    """Take a subject out of a dataset on a local disk.

    Args:
        path: a finished dataset.
        names: of the subject, as in the column of the subject.
        key: by which recent examples name subjects; None if they do not.

    Raises:
        DatasetError: the dataset is not on a local disk, damaged or being made by a
            live run, or the disk refuses.
    """
    if "://" in str(path):
        raise DatasetError(
            f"Expected a dataset on a local disk. Received: examples={path}. Forget "
            "the subject in a local copy, and put it in the other's place."
        )
    final = Path(path).resolve()
    with writing(str(final)):
        claim = Claim(final)
        made = claim.new_folder()
        try:
            claim.recover()
            claim.clear()
            dataset = Dataset.open(final)
            found = _found(dataset, names, key)
            if found.forgotten != Forgotten():
                shutil.copytree(final, made, ignore=shutil.ignore_patterns(COMPLETED))
                _write(dataset, made, found)
                (made / COMPLETED).touch()
                sync_tree(made)
                replace_folder(made, final)
        finally:
            shutil.rmtree(made, ignore_errors=True)
            claim.release(keep_parents=True)
    return found.forgotten


def _found(dataset: Dataset, names: Collection[str], key: bytes | None) -> _Found:
    hashes = {subject_hash(name) for name in names}
    parts, visits, examples = {}, 0, 0
    for part in _parts(dataset.manifest):
        without = _without(dataset, part, hashes)
        if without is not None:
            parts[str(part["path"])] = without
            visits += part["visits"] - without[0]["visits"]
            examples += part["examples"] - without[0]["examples"]
    kept, gone = None, 0
    if key is not None:
        keyed = {keyed_subject(key, hashed) for hashed in hashes}
        lines = dataset.recent()
        some = [line for line in lines if line["subject"] not in keyed]
        gone = len(lines) - len(some)
        kept = some if gone else None
    letters, removed = _letters(Path(dataset.path), names)
    return _Found(parts, kept, letters, Forgotten(visits, examples, gone, removed))


def _parts(manifest: Mapping[str, Any]) -> list[Part]:
    """All files of examples, those of variants included."""
    variants = [each["parts"] for each in manifest.get("variants", {}).values()]
    return [*manifest["parts"], *chain.from_iterable(variants)]


def _without(
    dataset: Dataset, part: Part, hashes: Collection[int]
) -> tuple[dict[str, Any], list[bytes]] | None:
    """A file without the subject's records; None if it has none of them."""
    manifest = dataset.manifest
    path = f"{dataset.path}/{part['path']}"
    records = list(read_records(path, manifest["compression"]))
    named = manifest["statistics"], manifest["baseline"], manifest["moment"]
    visits = decode_visits(records, *named)
    keep = ~np.isin(visits.subject_hash, list(hashes))
    if keep.all():
        return None
    kept = [records[row] for row in np.flatnonzero(keep).tolist()]
    return {**part, **describe_part(visits, keep, kept)}, kept


def _letters(path: Path, names: Collection[str]) -> tuple[dict[str, list[str]], int]:
    """The dead letters that stay of files that name the subject, and how many go."""
    found, removed = {}, 0
    for file in sorted((path / DEAD_LETTERS).glob("subjects-*.jsonl")):
        lines = file.read_text().splitlines()
        kept = [line for line in lines if json.loads(line)["subject"] not in names]
        if len(kept) < len(lines):
            found[file.name] = kept
            removed += len(lines) - len(kept)
    return found, removed


def _write(dataset: Dataset, made: Path, found: _Found) -> None:
    """Write into a copy of the dataset what changes."""
    compression = dataset.manifest["compression"]
    for path, (described, records) in found.parts.items():
        described["bytes"] = write_records(str(made / path), records, compression)
    if found.recent is not None:
        lines = packed_lines(dumped(line) for line in found.recent)
        _write_bytes(made / RECENT, lines)
    for name, letters in found.letters.items():
        text = "".join(f"{line}\n" for line in letters)
        _write_bytes(made / DEAD_LETTERS / name, text.encode())
    manifest = _manifest(dataset.manifest, found)
    text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False)
    _write_bytes(made / MANIFEST, f"{text}\n".encode())


def _write_bytes(path: Path, content: bytes) -> None:
    with written(str(path)) as file:
        file.write(content)


def _manifest(before: Mapping[str, Any], found: _Found) -> dict[str, Any]:
    changed = [
        found.parts[part["path"]][0] if part["path"] in found.parts else part
        for part in _parts(before)
    ]
    parts, variants = split_parts(changed)
    recent = dict(before.get("recent", {}))
    if found.recent is not None:
        recent["examples"] = len(found.recent)
    return {
        **before,
        "parts": parts,
        "splits": {name: describe_split(parts, name) for name in SPLITS},
        "variants": describe_variants(variants),
        "recent": recent,
        "digest": shown(add_digests(int(part["digest"], 16) for part in parts)),
        "made_digest": before.get("made_digest", before["digest"]),
        "forgotten": before.get("forgotten", 0) + found.forgotten.visits,
    }
