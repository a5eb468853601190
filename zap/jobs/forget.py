"""One subject forgotten: where models are kept, in logs, where events are collected.

Places are independent: one that is damaged or refuses is told of, and does not keep the
others from being looked through.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.files import Where, local_path
from zap.bundles.id_key import find_id_key
from zap.bundles.registry import Registry, applications
from zap.bundles.sealed import seal
from zap.collect.delivery.passing import let_go
from zap.collect.forgetting import PREFIXES, Collected, called, forget_collected
from zap.datasets.claim import Claim
from zap.datasets.forget import forget_subject
from zap.datasets.recent import key_id, keyed_subject
from zap.datasets.store import DEAD_LETTERS, Dataset
from zap.errors import InputError, RegistryError, ZapError
from zap.histories.identity import PERSON
from zap.histories.subjects import subject_hash
from zap.jobs.forget_log import check_log, forget_in_log
from zap.jobs.retrain.release import EXAMPLES
from zap.jobs.retrain.runs import RUNS, WORK
from zap.serving.stores.store import EventStore
from zap.serving.verification import VERIFICATION

PREDICTIONS = "predictions"
_ALWAYS = (
    "the weights, metrics, encoders and counters that the subject had a part in: they "
    "go with the versions, once these are archived and removed",
    "what is elsewhere: raw events, prediction points, the scores that zap score and "
    "zap follow wrote, and copies of datasets and bundles",
)


@dataclass(frozen=True)
class Reached:
    """A place that was looked through.

    Attributes:
        application: whose it is; empty where events are collected for all.
        place: the dataset, the bundle, the store or a folder.
        kind: ``examples``, ``verification``, ``events`` or ``predictions``; ``spool``,
            ``archive`` or ``bad rows``.
        removed: examples that were taken out, recent ones and dead letters included;
            events, predictions, or bad rows.
    """

    application: str
    place: str
    kind: str
    removed: int


@dataclass
class _Search:
    """One subject, the key that names it, and what has come of it so far.

    Attributes:
        subject: as it was given.
        key: by which the registry names subjects.
        hashed_by: keys by which a collector hashes ids before they come anywhere.
    """

    subject: str
    key: bytes | None
    hashed_by: Sequence[bytes] = ()
    reached: list[Reached] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def names(self, generator: Mapping[str, Any]) -> list[str]:
        """How a question's histories name the subject."""
        return self.in_field(generator.get("subject", ""))

    def in_field(self, field: str) -> list[str]:
        """How the subject is named where a field names subjects."""
        if field != PERSON:
            return sorted(called(field, self.subject, self.hashed_by))
        prefixes = sorted(PREFIXES.values(), reverse=True)
        said = [each for each in prefixes if self.subject.startswith(each)]
        bare = self.subject.removeprefix(said[0]) if said else self.subject
        names = sorted(called("", bare, self.hashed_by))
        return [f"{prefix}{name}" for prefix in said or prefixes for name in names]

    def knows(self, recent: Mapping[str, Any], place: str) -> bool:
        """Whether the key is the one that names subjects there."""
        theirs = recent.get("key")
        if theirs is None:
            self.missed.append(f"recent events in {place}: they name nobody")
            return False
        if self.key is None or theirs != key_id(self.key):
            self.missed.append(f"recent events in {place}: another key names subjects")
            return False
        return True


def forget(
    subject: str,
    root: Where,
    names: Sequence[str] | None = None,
    log: str | Path | None = None,
    store: EventStore | None = None,
    collected: Collected | None = None,
) -> dict[str, Any]:
    """Take a subject out of archived examples, verification sets and recent events.

    Args:
        subject: its name, as in the column of the subject; of a person the id of the
            user or of the device.
        root: the registry.
        names: applications; None: all.
        log: folder of a prediction log; None looks through none.
        store: of recent events; None: none is reached.
        collected: where a collector keeps events; None: nowhere. With it there need be
            no registry, unless a store is given: it is the registry that says by which
            fields a store names subjects.

    Returns:
        ``reached``: each place with what was removed; ``removed``: their sum;
        ``refused``: places that are damaged or could not be changed, and why;
        ``not_reached``: in words, what may still tell of the subject.

    Raises:
        InputError: the subject has no name.
        RegistryError: there is no such registry or application.
        DatasetError: another process forgets in this registry.
        LogError: there is no such log.
    """
    if not subject:
        raise InputError("Expected the name of a subject. Received: an empty text.")
    if log is not None:
        check_log(log)
    asked = names or log or store is not None
    bare = collected is not None and not (asked or applications(root))
    hashed_by = () if collected is None else collected.keys
    search = _Search(subject, None if bare else find_id_key(root), hashed_by)
    chosen = () if bare else _chosen(root, names)
    with nullcontext() if bare else _alone(root):
        if collected is not None:
            # Before the store, so that no more of it comes there.
            _where_collected(search, collected)
            if store is not None:
                _wait_for_delivery(search, collected)
        for name in chosen:
            _in_examples(search, root, name)
            _in_bundles(search, Registry(root, name))
            if store is not None:
                _in_store(search, Registry(root, name), store)
        if log is not None:
            _in_log(search, root, log, names)
    return {
        "registry": str(root),
        "reached": [asdict(each) for each in search.reached],
        "removed": sum(each.removed for each in search.reached),
        "refused": search.refused,
        "not_reached": [*search.missed, *_ALWAYS],
    }


def _chosen(root: Where, names: Sequence[str] | None) -> Sequence[str]:
    there = applications(root)
    if not there:
        raise RegistryError(
            f"Expected a registry with applications. Received: registry={root}, which "
            "has none. Name another with --registry."
        )
    for name in names or ():
        if name not in there:
            raise RegistryError(
                f"Expected an application of {root}: {', '.join(there)}. "
                f"Received: application={name!r}. Correct the name."
            )
    return names or there


@contextmanager
def _alone(root: Where) -> Iterator[None]:
    """One process at a time: what one read, another must not put back."""
    path = local_path(root)
    if path is None:
        yield
        return
    claim = Claim(path.resolve() / "forgetting")
    try:
        yield
    finally:
        claim.release(keep_parents=True)


def _in_examples(search: _Search, root: Where, name: str) -> None:
    """Take the subject out of the archived datasets of an application."""
    path = local_path(root)
    if path is None:
        search.missed.append(f"examples of {name}: they are not on a local disk")
        return
    for events in sorted((path / name).glob(f"{RUNS}/*/{WORK}")):
        search.missed.append(
            f"events of a run that was refused, in {events}: remove the folder"
        )
    folder = path / name / EXAMPLES
    for place in sorted(folder.iterdir()) if folder.is_dir() else ():
        if place.name.startswith("."):
            continue
        try:
            manifest = Dataset.open(place).manifest
            known = search.knows(manifest.get("recent", {}), str(place))
            key = search.key if known else None
            names = search.names(manifest["generator"])
            removed = forget_subject(place, names, key).total
        except ZapError as error:
            search.refused.append(f"{place}: {error}")
            continue
        search.reached.append(Reached(name, str(place), EXAMPLES, removed))
        rows = [
            p for p in (place / DEAD_LETTERS).iterdir() if "subjects-" not in p.name
        ]
        if rows:
            search.missed.append(f"rows that could not be read, in {rows[0].parent}")


def _in_bundles(search: _Search, registry: Registry) -> None:
    """Take the subject out of the verification sets of an application's versions."""
    for version in registry.versions():
        try:
            bundle = registry.open(version)
            if VERIFICATION not in bundle.sealed:
                continue
            manifest = bundle.json("manifest.json")
            if not search.knows(manifest.get("recent", {}), str(bundle.path)):
                continue
            assert search.key is not None
            hashes = map(subject_hash, search.names(manifest["generator"]))
            keyed = {keyed_subject(search.key, hashed) for hashed in hashes}
            removed = _from_verification(bundle, keyed)
        except ZapError as error:
            search.refused.append(f"{registry.path}/{version}: {error}")
            continue
        place = Reached(registry.application, str(bundle.path), "verification", removed)
        search.reached.append(place)


def _in_log(
    search: _Search, root: Where, log: str | Path, names: Sequence[str] | None
) -> None:
    """Take the subject's predictions out of a log."""
    found = forget_in_log(log, root, names, search.key, search.names)
    for name, removed in found.removed.items():
        place = str(Path(log) / name)
        search.reached.append(Reached(name, place, PREDICTIONS, removed))
    search.refused += found.refused
    search.missed += found.missed


def _where_collected(search: _Search, collected: Collected) -> None:
    """Take the subject out of spool, archive and bad rows."""
    found = forget_collected(search.subject, collected)
    for kind, (place, removed) in found.removed.items():
        search.reached.append(Reached("", place, kind, removed))
    search.refused += found.refused
    search.missed += found.missed


def _wait_for_delivery(search: _Search, collected: Collected) -> None:
    """Let the delivery bring to the store what it had read before."""
    if collected.spool is None:
        return
    try:
        gone = let_go(collected.spool, "store")
    except ZapError as error:
        search.refused.append(f"{collected.spool}: {error}")
        return
    if not gone:
        search.missed.append(
            "events in the hands of the delivery to the store, which hangs: run it "
            "again once it goes on"
        )


def _in_store(search: _Search, registry: Registry, store: EventStore) -> None:
    """Take the subject's recent events out of a store."""
    try:
        fields = {_subject_field(registry, name) for name in registry.versions()}
        removed = sum(
            store.forget(field, name)
            for field in sorted(fields)
            for name in search.in_field(field)
        )
    except ZapError as error:
        search.refused.append(f"{store.name}: {error}")
        return
    search.reached.append(Reached(registry.application, store.name, "events", removed))


def _subject_field(registry: Registry, version: str) -> str:
    manifest = registry.open(version).json("manifest.json")
    return str(manifest["generator"]["subject"])


def _from_verification(bundle: Bundle, keyed: Collection[str]) -> int:
    """Take records out, until none is there: elsewhere nothing keeps two apart."""
    total = 0
    while True:
        records, said = bundle.records(VERIFICATION)
        kept = [record for record in records if record["subject"] not in keyed]
        removed = len(records) - len(kept)
        if not removed:
            return total
        bundle.replace_sealed(VERIFICATION, seal(kept, said.forgotten + removed))
        total += removed
