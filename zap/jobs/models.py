"""What a registry knows of its versions, put together for a reader."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.deployments import State
from zap.bundles.files import Where
from zap.bundles.notes import Note
from zap.bundles.registry import Registry, applications
from zap.errors import BundleError, RegistryError
from zap.evaluation.version_plots import RANKINGS

METRICS = "metrics.json"


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
