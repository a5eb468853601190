"""One subject taken out of a finished dataset.

Records that are not the subject's keep their bytes and their order. The dataset is
written anew beside the old one and takes its name in one step, so that a reader finds
the one or the other; its manifest says how much was forgotten, and the digest that the
dataset had at first.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from zap.datasets.claim import COMPLETED
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
    def any(self) -> bool:
        """Whether there was anything."""
        return bool(self.visits or self.recent or self.letters)


def forget_subject(
    dataset: Dataset, subject: str, key: bytes | None = None
) -> Forgotten:
    """Take a subject out of a dataset on a local disk.

    Args:
        dataset: a finished dataset.
        subject: its name, as in the column of the subject.
        key: by which recent examples name subjects; None if they do not.

    Raises:
        DatasetError: the dataset is not on a local disk, damaged, or the disk refuses.
    """
    if "://" in dataset.path:
        raise DatasetError(
            "Expected a dataset on a local disk. Received: "
            f"examples={dataset.path}. Forget the subject in a local copy, and put it "
            "in the other's place."
        )
    path = Path(dataset.path)
    made = path.with_name(f".{path.name}.forgetting")
    with writing(str(path)):
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(path, made, ignore=shutil.ignore_patterns(COMPLETED))
        try:
            found = _forgotten(dataset, made, subject, key)
            if found.any:
                (made / COMPLETED).touch()
                sync_tree(made)
                replace_folder(made, path)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return found


def _forgotten(
    dataset: Dataset, made: Path, subject: str, key: bytes | None
) -> Forgotten:
    """Take the subject out of a copy, and write its manifest."""
    hashed, manifest = subject_hash(subject), dict(dataset.manifest)
    of_variants = [manifest["variants"][name]["parts"] for name in dataset.variants]
    before = [*manifest["parts"], *chain.from_iterable(of_variants)]
    changed = [_without(dataset, made, part, hashed) for part in before]
    parts, variants = split_parts(changed)
    found = Forgotten(
        sum(part["visits"] for part in before) - sum(p["visits"] for p in changed),
        sum(part["examples"] for part in before) - sum(p["examples"] for p in changed),
        _without_recent(dataset, made, hashed, key),
        _without_letters(made, subject),
    )
    manifest |= {
        "parts": parts,
        "splits": {name: describe_split(parts, name) for name in SPLITS},
        "variants": describe_variants(variants),
        "digest": shown(add_digests(int(part["digest"], 16) for part in parts)),
        "made_digest": manifest.get("made_digest", manifest["digest"]),
        "forgotten": manifest.get("forgotten", 0) + found.visits,
    }
    text = json.dumps(manifest, indent=2, sort_keys=True, allow_nan=False)
    with written(str(made / MANIFEST)) as file:
        file.write(f"{text}\n".encode())
    return found


def _without(dataset: Dataset, made: Path, part: Part, hashed: int) -> dict[str, Any]:
    """A file of the copy without the subject's records; its description."""
    compression = dataset.manifest["compression"]
    records = list(read_records(str(made / part["path"]), compression))
    visits = decode_visits(
        records,
        dataset.manifest["statistics"],
        dataset.manifest["baseline"],
        dataset.manifest["moment"],
    )
    keep = visits.subject_hash != hashed
    if keep.all():
        return dict(part)
    kept = [records[row] for row in np.flatnonzero(keep).tolist()]
    size = write_records(str(made / part["path"]), kept, compression)
    return {**part, **describe_part(visits, keep, kept), "bytes": size}


def _without_recent(
    dataset: Dataset, made: Path, hashed: int, key: bytes | None
) -> int:
    """Take the subject's recent examples out; how many there were."""
    if key is None or not (made / RECENT).is_file():
        return 0
    name, lines = keyed_subject(key, hashed), dataset.recent()
    kept = [line for line in lines if line["subject"] != name]
    if len(kept) < len(lines):
        with written(str(made / RECENT)) as file:
            file.write(packed_lines(dumped(line) for line in kept))
    return len(lines) - len(kept)


def _without_letters(made: Path, subject: str) -> int:
    """Take the dead letters that name the subject out; how many there were."""
    removed = 0
    for path in sorted((made / DEAD_LETTERS).glob("subjects-*.jsonl")):
        lines = path.read_text().splitlines()
        kept = [line for line in lines if json.loads(line)["subject"] != subject]
        if len(kept) < len(lines):
            removed += len(lines) - len(kept)
            path.write_text("".join(f"{line}\n" for line in kept))
    return removed
