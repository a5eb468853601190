"""One subject forgotten, wherever models are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.files import Where, local_path
from zap.bundles.id_key import find_id_key
from zap.bundles.registry import Registry, applications
from zap.bundles.sealed import seal
from zap.datasets.forget import Forgotten, forget_subject
from zap.datasets.recent import keyed_subject
from zap.datasets.store import Dataset
from zap.errors import DatasetError, RegistryError
from zap.histories.subjects import subject_hash
from zap.serving.verification import VERIFICATION

EXAMPLES = "examples"  # below an application: the datasets that models were trained on


@dataclass(frozen=True)
class Reached:
    """A place that was looked through.

    Attributes:
        application: whose it is.
        place: the dataset or the bundle.
        kind: ``examples`` or ``verification``.
        removed: examples that were taken out, recent ones included.
    """

    application: str
    place: str
    kind: str
    removed: int


def forget(
    subject: str, root: Where, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """Take a subject out of archived examples and verification sets.

    Args:
        subject: its name, as in the column of the subject.
        root: the registry.
        names: applications; None: all.

    Returns:
        ``reached``: each place with what was removed; ``removed``: their sum;
        ``not_reached``: in words, what may still tell of the subject.

    Raises:
        RegistryError: there is no such registry or application.
        ZapError: a place is damaged, or refuses; places before it are done, and the
            command may be run again.
    """
    there = applications(root)
    for name in names or ():
        if name not in there:
            raise RegistryError(
                f"Expected an application of {root}: {', '.join(there) or 'none'}. "
                f"Received: application={name!r}. Correct the name."
            )
    if not there:
        raise RegistryError(
            f"Expected a registry with applications. Received: registry={root}, which "
            "has none. Name another with --registry."
        )
    key = find_id_key(root)
    reached: list[Reached] = []
    missed: list[str] = []
    for name in names or there:
        reached += _in_examples(subject, root, name, key, missed)
        reached += _in_bundles(subject, Registry(root, name), key, missed)
    if key is None:
        missed.append(
            "verification sets: the registry has no key, so they name nobody and "
            "cannot be looked through"
        )
    missed.append(
        "the weights and metrics of models that were trained on the subject: they go "
        "with the next versions, once older ones are archived and removed"
    )
    missed.append("copies elsewhere: raw events, datasets and bundles outside of it")
    return {
        "registry": str(root),
        "reached": [asdict(each) for each in reached],
        "removed": sum(each.removed for each in reached),
        "not_reached": missed,
    }


def _in_examples(
    subject: str, root: Where, name: str, key: bytes | None, missed: list[str]
) -> list[Reached]:
    """What was taken out of the archived datasets of an application."""
    path = local_path(root)
    if path is None:
        missed.append(f"examples of {name}: they are not on a local disk")
        return []
    found = []
    for folder in _datasets(path / name / EXAMPLES):
        try:
            dataset = Dataset.open(folder)
        except DatasetError as error:
            missed.append(f"examples in {folder}: {error}")
            continue
        removed = forget_subject(dataset, subject, key)
        total = removed.examples + removed.recent
        found.append(Reached(name, str(folder), EXAMPLES, total))
        missed += _letters(dataset, removed)
    return found


def _datasets(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _letters(dataset: Dataset, removed: Forgotten) -> list[str]:
    """Dead letters hold rows as they came, whosoever they are."""
    folder = Path(dataset.path, "dead_letters")
    rows = [p for p in folder.glob("*.jsonl") if not p.name.startswith("subjects-")]
    return [f"dead letters in {folder}: rows that could not be read"] if rows else []


def _in_bundles(
    subject: str, registry: Registry, key: bytes | None, missed: list[str]
) -> list[Reached]:
    """What was taken out of the verification sets of an application's versions."""
    if key is None:
        return []
    name, found = keyed_subject(key, subject_hash(subject)), []
    for version in registry.versions():
        bundle = registry.load(version)
        if VERIFICATION not in bundle.sealed:
            continue
        removed = _from_verification(bundle, name)
        found.append(
            Reached(registry.application, str(bundle.path), "verification", removed)
        )
        records, _ = bundle.records(VERIFICATION)
        if any(record["subject"] is None for record in records):
            missed.append(f"the verification set of {bundle.path}: it names nobody")
    return found


def _from_verification(bundle: Bundle, name: str) -> int:
    records, said = bundle.records(VERIFICATION)
    kept = [record for record in records if record["subject"] != name]
    removed = len(records) - len(kept)
    if removed:
        bundle.replace_sealed(VERIFICATION, seal(kept, said.forgotten + removed))
    return removed
