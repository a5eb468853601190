"""What a registry knows of its versions, put together for a reader, and drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.deployments import DEPLOY, REVERT, State
from zap.bundles.files import Where
from zap.bundles.notes import Note
from zap.bundles.registry import Registry, applications
from zap.errors import BundleError, RegistryError
from zap.evaluation.pair_plots import comparison_figure
from zap.evaluation.version_plots import (
    RANKINGS,
    Change,
    Point,
    save_figure,
    versions_figure,
)

METRICS = "metrics.json"
SHORT = 8


def opened(root: Where, application: str | None) -> Registry:
    """The registry of an application; of the only one, if none is named.

    Raises:
        RegistryError: none is named and there is not exactly one, or the named one has
            no versions.
    """
    there = applications(root)
    if application is None and len(there) == 1:
        return Registry(root, there[0])
    if application is not None and application in there:
        return Registry(root, application)
    if application is not None:
        Registry(root, application)  # says what is wrong with the name, if anything is
    named = ", ".join(there) or "none; add one with zap models add BUNDLE"
    raise RegistryError(
        "Expected --application to name an application with versions. Received: "
        f"application={application}, registry={root}. There are: {named}."
    )


def overview(registry: Registry) -> list[dict[str, Any]]:
    """All versions of an application, those that were added last first.

    A version that cannot be read is listed with the reason, not left out.
    """
    state = registry.state()
    found = [summary(registry, version, state) for version in registry.versions()]
    return sorted(found, key=lambda one: str(one["added"]), reverse=True)


def summary(registry: Registry, version: str, state: State) -> dict[str, Any]:
    """What is known of a version, in a few numbers.

    Returns:
        version, status (live, previous, archived, or nothing), added, who, why,
        parent, verdicts; created, observed, dataset; kind, measure, value, low, high
        (how well it ranks), n and base_rate, all None where not known; and problem,
        what of it can't be read and why, or None.
    """
    problems = []
    try:
        noted = _noted(registry.note(version))
    except (RegistryError, BundleError) as error:
        problems.append(str(error))
        noted = _noted(None)
    try:
        bundle = registry.open(version)
        facts = {**_described(bundle), **_judged(bundle)}
    except BundleError as error:
        problems.append(str(error))
        facts = {**_described(None), **_judged(None)}
    return {
        "version": version,
        "status": status_of(version, state),
        **noted,
        **facts,
        "added": noted["added"] or facts["created"],
        "problem": " ".join(problems) or None,
    }


def status_of(version: str, state: State) -> str:
    """What a version is now, in a word; empty if nothing special."""
    if version == state.live:
        return "live"
    if version in state.archived:
        return "archived"
    return "previous" if version == state.previous else ""


def described(registry: Registry, reference: str) -> dict[str, Any]:
    """All that is known of a version.

    Returns:
        What `summary` has, and application, path, lineage, generator, settings,
        versions of packages, files and sealed files, metrics, and its entries of the
        log.

    Raises:
        RegistryError: there is no such version.
        BundleError: it can't be read.
    """
    version = registry.resolve(reference)
    bundle = registry.open(version)
    return {
        "application": registry.application,
        "path": str(bundle.path),
        **summary(registry, version, registry.state()),
        "lineage": registry.lineage(version),
        "generator": bundle.info.get("generator", {}),
        "settings": optional(bundle, "config.json"),
        "packages": dict(bundle.info.get("versions", {})),
        "files": bundle.files,
        "sealed": bundle.sealed,
        "metrics": optional(bundle, METRICS),
        "log": [e.to_dict() for e in registry.history() if e.version == version],
    }


def optional(bundle: Bundle, name: str) -> dict[str, Any]:
    """A JSON file of a bundle; nothing if the bundle was made without it."""
    found: dict[str, Any] = bundle.json(name) if name in bundle.files else {}
    return found


def draw_history(registry: Registry, path: str | Path) -> Path:
    """Draw how well each version ranks over time, and which was live when.

    Raises:
        RegistryError: no version has metrics to draw.
        InputError: no picture has the path's ending.
        MissingExtraError: matplotlib is not installed.
    """
    log, values = (
        registry.history(),
        {one["version"]: one for one in overview(registry)},
    )
    ranked = {v: one for v, one in values.items() if one["value"] is not None}
    if not ranked:
        raise RegistryError(
            f"Expected versions with metrics to draw. Received: registry="
            f"{registry.path}, whose versions have none. Leave --plot out."
        )
    kind = next(iter(ranked.values()))["kind"]
    same = {v: one for v, one in ranked.items() if one["kind"] == kind}
    were_live = {entry.live for entry in log}
    points = [
        Point(
            version[:SHORT],
            datetime.fromisoformat(one["added"]),
            one["value"],
            one["low"],
            one["high"],
            version in were_live,
        )
        for version, one in same.items()
    ]
    changes = [
        Change(
            datetime.fromisoformat(entry.when),
            entry.action,
            same[entry.version]["value"],
        )
        for entry in log
        if entry.action in (DEPLOY, REVERT) and entry.version in same
    ]
    return save_figure(versions_figure(points, changes, RANKINGS[kind][1]), path)


def draw_pair(one: Bundle, other: Bundle, path: str | Path) -> Path:
    """Draw two versions side by side.

    Raises:
        InputError: no picture has the path's ending.
        BundleError: their labels are of two kinds, or there are no metrics.
        MissingExtraError: matplotlib is not installed.
    """
    metrics = [bundle.json(METRICS) for bundle in (one, other)]
    kinds = [each.get("kind", "binary") for each in metrics]
    if kinds[0] != kinds[1]:
        raise BundleError(
            "Expected two versions with labels of one kind to draw. Received: "
            f"kinds={kinds}. Leave --plot out."
        )
    names = [bundle.version[:SHORT] for bundle in (one, other)]
    return save_figure(comparison_figure(names, metrics), path)


def _noted(note: Note | None) -> dict[str, Any]:
    return {
        "added": note.when if note else None,
        "who": note.who if note else None,
        "why": note.why if note else "",
        "parent": note.parent if note else None,
        "verdicts": dict(note.verdicts) if note else {},
    }


def _described(bundle: Bundle | None) -> dict[str, Any]:
    info: Mapping[str, Any] = bundle.info if bundle else {}
    return {
        "created": info.get("created_at"),
        "observed": info.get("observed"),
        "dataset": info.get("dataset"),
    }


def _judged(bundle: Bundle | None) -> dict[str, Any]:
    metrics = optional(bundle, METRICS) if bundle else {}
    kind = metrics.get("kind", "binary") if metrics else None
    key, name = RANKINGS.get(str(kind), ("", None))
    return {
        "kind": kind,
        "measure": name,
        "value": metrics.get(key),
        "low": metrics.get(f"{key}_low"),
        "high": metrics.get(f"{key}_high"),
        "n": metrics.get("n"),
        "base_rate": metrics.get("base_rate"),
    }
