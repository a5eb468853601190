"""Logged predictions held against the archive of raw events, all or one of them.

Entries are chosen by a hash of their ids where there are many, and of the archive only
the events of their subjects are held, so memory does not grow with either.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from zap.bundles.files import Where
from zap.bundles.id_key import find_id_key
from zap.bundles.registry import Registry
from zap.errors import LogError, RegistryError
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.histories.chosen import ChosenHistories, chosen_histories
from zap.jobs.parity.archived import ArchivedSubject
from zap.jobs.parity.rebuild import Rebuilder
from zap.jobs.parity.result import CAUSES, VERSION, Rebuilt
from zap.jobs.parity.versions import Version, Versions
from zap.serving.log import Logged, find, read_log
from zap.serving.log.entry import event_hash

MOST = 10_000
SHOWN = 20


@dataclass(frozen=True)
class Archive:
    """Where raw events lie.

    Attributes:
        inputs: files, globs or directories.
        mapping: how their rows become events.
    """

    inputs: Sequence[str]
    mapping: EventMapping


def parity(
    application: str,
    log: str | Path,
    root: Where,
    archive: Archive,
    *,
    since_us: int | None = None,
    until_us: int | None = None,
    most: int = MOST,
    watch: Callable[[str], Any] = lambda text: None,
) -> dict[str, Any]:
    """Replay logged predictions from the archive, each by the version that made it.

    Args:
        application: whose predictions.
        log: folder of the prediction log.
        root: the registry.
        archive: the raw events.
        since_us: only predictions answered at that time or later.
        until_us: only those answered before.
        most: how many to replay at most, chosen by a hash of their ids.
        watch: told of each stage.

    Returns:
        ``logged``, ``compared``, ``exact`` and ``share`` (None of nothing); by cause
        and by version how many; ``mismatches``, some of them; what was not compared
        and why; ``archive``: what it tells, and what was dropped of it.

    Raises:
        LogError: there is no such log, or nothing in it can be replayed.
        RegistryError: there is no such registry, or it has no key.
        InputError: the archive can't be read.
        MappingError: the mapping does not fit it.
    """
    _check_registry(root, application)
    watch("reading the log")
    counts: Counter[str] = Counter()
    entries = read_log(log, application, since_us, until_us, counts)
    chosen, seen = _chosen(entries, most)
    if not seen["subject"]:
        raise LogError(
            "Expected predictions of named subjects to replay. Received: "
            f"application={application!r} with {seen['all']:,} predictions in these "
            "times, none of which names its subject. Choose other times, or serve with "
            "a registry that has a key."
        )
    rebuilt: list[Rebuilt] = []
    facts: dict[str, Any] = {}
    for each in _rebuilt(chosen, root, archive, facts, watch):
        rebuilt.append(each if each.cause else _short(each))
    return {
        "application": application,
        "logged": seen["all"],
        "not_compared": {
            "names no subject": seen["all"] - seen["subject"],
            "beyond the number asked for": seen["subject"] - len(chosen),
        },
        **_summary(rebuilt),
        "lines": dict(counts),
        "archive": facts,
    }


def replay(
    prediction: str, log: str | Path, root: Where, archive: Archive
) -> dict[str, Any]:
    """Make one logged prediction again, and tell of each event.

    Args:
        prediction: its id.
        log: folder of the prediction log.
        root: the registry.
        archive: the raw events.

    Returns:
        See ``Rebuilt.to_dict``, and ``archive``: what it tells.

    Raises:
        LogError: the log has no such prediction, or it names no subject.
        RegistryError: there is no such registry, or it has no key.
        InputError: the archive can't be read.
        MappingError: the mapping does not fit it.
    """
    entry = find(log, prediction)
    if entry.subject is None:
        raise LogError(
            "Expected a prediction that names its subject, by a keyed hash. Received: "
            f"prediction={prediction!r}, which names none. Serve with a registry that "
            "has a key."
        )
    _check_registry(root, entry.application)
    facts: dict[str, Any] = {}
    (found,) = _rebuilt([entry], root, archive, facts, lambda text: None, True)
    return {**found.to_dict(), "archive": facts}


def _check_registry(root: Where, application: str) -> None:
    """A version may be gone; where there is none at all, the place is wrong.

    Raises:
        RegistryError: the registry has no version of the application.
    """
    registry = Registry(root, application)
    if not registry.versions():
        raise RegistryError(
            f"Expected a registry with versions of {application}. Received: "
            f"registry={registry.path}, which has none. Name the server's with "
            "--registry."
        )


def _chosen(entries: Iterator[Logged], most: int) -> tuple[list[Logged], Counter[str]]:
    """Those with the lowest hashes that name a subject, and how many there were."""
    seen: Counter[str] = Counter()
    lowest: list[tuple[int, int, Logged]] = []
    for entry in entries:
        seen["all"] += 1
        if entry.subject is None:
            continue
        seen["subject"] += 1
        item = -int(event_hash(entry.id), 16), seen["all"], entry
        if len(lowest) < most:
            heapq.heappush(lowest, item)
        else:
            heapq.heappushpop(lowest, item)
    return [entry for _, _, entry in lowest], seen


def _rebuilt(
    entries: Sequence[Logged],
    root: Where,
    archive: Archive,
    facts: dict[str, Any],
    watch: Callable[[str], Any],
    with_events: bool = False,
) -> Iterator[Rebuilt]:
    """Each prediction made again; those of a subject one after the other."""
    versions = Versions(root)
    by_subject: dict[str, list[Logged]] = {}
    for entry in entries:
        version = versions.of(entry)
        if isinstance(version, str):
            yield Rebuilt(entry, None, None, VERSION, version)
        else:
            by_subject.setdefault(version.subject, []).append(entry)
    for field, ours in by_subject.items():
        watch("reading the archive")
        chosen = _archived(field, ours, versions, root, archive)
        facts |= {
            "has_subjects": chosen.histories.subjects > 0,
            "has_ids": chosen.has_ids,
            "has_receipts": chosen.has_receipts,
            "counts": dict(sorted(chosen.counts.items())),
        }
        watch("replaying predictions")
        yield from _each(ours, versions, chosen, with_events)


def _each(
    entries: Sequence[Logged],
    versions: Versions,
    chosen: ChosenHistories,
    with_events: bool,
) -> Iterator[Rebuilt]:
    rebuilders: dict[str, Rebuilder] = {}
    for name, ours in groupby(sorted(entries, key=_by_subject), key=_by_subject):
        subjects: dict[int | None, ArchivedSubject] = {}
        for entry in ours:
            place = chosen.place_of(name, entry.time)
            if place not in subjects:
                subjects[place] = ArchivedSubject.of(chosen, place)
            version = versions.of(entry)
            assert isinstance(version, Version)
            if entry.version not in rebuilders:
                rebuilders[entry.version] = Rebuilder(
                    version.predictor, chosen.has_ids, chosen.has_receipts
                )
            rebuilder = rebuilders[entry.version]
            yield rebuilder.rebuild(entry, subjects[place], with_events)


def _by_subject(entry: Logged) -> str:
    assert entry.subject is not None
    return entry.subject


def _archived(
    field: str,
    entries: Sequence[Logged],
    versions: Versions,
    root: Where,
    archive: Archive,
) -> ChosenHistories:
    key = find_id_key(root)
    if key is None:
        raise RegistryError(
            "Expected a registry with the key that names subjects in the log. "
            f"Received: registry={root}, which has none. Put it back, or name another "
            "with --registry."
        )
    found = map(versions.of, entries)
    models = [each for each in found if isinstance(each, Version)]
    fields = {f for m in models for f in m.predictor.encoder.instance.reads.fields}
    keyed = {_by_subject(entry) for entry in entries}
    sources = list_sources(archive.inputs, archive.mapping)
    return chosen_histories(sources, archive.mapping, field, fields, keyed, key)


def _short(rebuilt: Rebuilt) -> Rebuilt:
    """What is kept of one of many that is equal: no ids."""
    return Rebuilt(rebuilt.entry, None, rebuilt.score, None, "")


def _summary(rebuilt: Sequence[Rebuilt]) -> dict[str, Any]:
    exact = sum(each.exact for each in rebuilt)
    causes = Counter(each.cause for each in rebuilt if each.cause is not None)
    versions: dict[str, dict[str, int]] = {}
    for each in rebuilt:
        one = versions.setdefault(each.entry.version, {"compared": 0, "exact": 0})
        one["compared"] += 1
        one["exact"] += each.exact
    wrong = sorted(
        (each for each in rebuilt if not each.exact), key=lambda each: each.entry.time
    )
    return {
        "compared": len(rebuilt),
        "exact": exact,
        "share": exact / len(rebuilt) if rebuilt else None,
        "causes": {name: causes[name] for name in CAUSES if causes[name]},
        "versions": versions,
        "mismatches": [_mismatch(each) for each in wrong[:SHOWN]],
    }


def _mismatch(rebuilt: Rebuilt) -> Mapping[str, Any]:
    told = rebuilt.to_dict()
    names = ("prediction", "version", "time", "cause", "detail", "score")
    return {name: told[name] for name in names}
