"""One subject forgotten in the log of predictions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zap.bundles.files import Where
from zap.bundles.registry import Registry, applications
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.errors import LogError, ZapError
from zap.histories.identity import PERSON
from zap.serving.log import forget
from zap.serving.log.forgetting import unnamed
from zap.serving.log.reading import applications_of


@dataclass
class LogSearch:
    """What has come of a search through a log.

    Attributes:
        removed: lines taken out, by application.
        refused: applications whose files could not be changed, and why.
        missed: in words, what may still tell of the subject.
    """

    removed: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def check_log(log: str | Path) -> None:
    """Check that there is a log, before anything is forgotten elsewhere.

    Raises:
        LogError: there is none.
    """
    if not applications_of(log):
        raise LogError(
            f"Expected a prediction log with applications. Received: log={log}, which "
            "has none. Name another with --log."
        )


def forget_in_log(
    log: str | Path,
    root: Where,
    chosen: Collection[str] | None,
    key: bytes | None,
    names: Callable[[Mapping[str, Any]], list[str]],
) -> LogSearch:
    """Take a subject's predictions out of a log; servers may be writing to it.

    Args:
        log: its folder.
        root: the registry, which says what the subject of an application is.
        chosen: applications; None: all in the log.
        key: the secret that names subjects; None: there is none.
        names: how the histories of a generator, as its bundle has it, name the subject.
    """
    search = LogSearch()
    for application in applications_of(log):
        if chosen is not None and application not in chosen:
            continue
        if key is None:
            search.missed.append(
                f"predictions of {application}: the registry has no key"
            )
            continue
        ours = {
            keyed_subject(key, subject_hash(name))
            for generator in _generators(root, application)
            for name in names(generator)
        }
        try:
            removed = sum(forget(log, each, [application]) for each in sorted(ours))
            nameless = unnamed(log, application)
        except ZapError as error:
            search.refused.append(str(error))
            continue
        search.removed[application] = removed
        if nameless:
            search.missed.append(
                f"{nameless:,} predictions of {application} in {log}: they name nobody"
            )
    return search


def _generators(root: Where, application: str) -> list[Mapping[str, Any]]:
    """Those of an application's versions; where none can be read, of each kind one."""
    found: list[Mapping[str, Any]] = []
    if application in applications(root):
        registry = Registry(root, application)
        for version in registry.versions():
            try:
                bundle = registry.open(version)
                found.append(bundle.json("manifest.json")["generator"])
            except ZapError:
                return [{}, {"subject": PERSON}]  # rather one name too many
    return found or [{}, {"subject": PERSON}]
