"""The versions that answered, as the registry has them, and what has changed since."""

from __future__ import annotations

from collections.abc import Mapping

from zap.bundles.bundle import Bundle
from zap.bundles.files import Where
from zap.bundles.registry import Registry
from zap.errors import BundleError, GeneratorError, RegistryError
from zap.evaluation.words import plural
from zap.examples.registry import registered
from zap.jobs.analyse.logged import NO_SUBJECT, Predictions
from zap.jobs.inputs import RawInput


def question_of(root: Where, application: str) -> str:
    """The name of the generator that the application's model was trained with.

    Raises:
        RegistryError: the application has no versions.
        GeneratorError: its generator is a site's own: a bundle holds no path to it.
    """
    bundle = reference_bundle(Registry(root, application))
    name = str(bundle.info["generator"]["name"])
    if ":" not in name and name not in registered():
        raise GeneratorError(
            f"Expected the generator that {application} was trained with. Received: "
            f"generator={name!r}, which does not ship with Zap. Name it with "
            "--generator package.module:Class."
        )
    return name


def reference_bundle(registry: Registry) -> Bundle:
    """The live version, or else one of the others.

    Raises:
        RegistryError: the application has no versions.
    """
    live = registry.live()
    if live is not None:
        return registry.load(live)
    versions = registry.versions()
    if not versions:
        raise RegistryError(
            f"Expected a version of {registry.application}. Received: none, "
            f"registry={registry.path}. Name the registry of the server."
        )
    return registry.load(versions[-1])


def bundles_of(
    registry: Registry, predictions: Predictions
) -> dict[str, Bundle | None]:
    """The bundles of the versions that answered; None for one that is gone."""
    found: dict[str, Bundle | None] = {}
    for version in predictions.versions:
        try:
            found[version] = registry.load(version)
        except (RegistryError, BundleError):
            found[version] = None
    return found


def notes_of(
    raw: RawInput,
    bundle: Bundle,
    predictions: Predictions,
    bundles: Mapping[str, Bundle | None],
) -> list[str]:
    """What a reader should know before believing the numbers.

    Args:
        raw: the question as it is now.
        bundle: the application's live version, or else one of the others.
        predictions: the log's.
        bundles: of the versions that answered.
    """
    found = []
    known = {its.version: its for its in (*bundles.values(), bundle) if its}
    digest = raw.generator.digest()
    other = [v for v, its in known.items() if its.info["generator"]["digest"] != digest]
    if other:
        which = f"{plural(len(other), 'version').partition(' ')[2]} {', '.join(other)}"
        found.append(
            f"The generator {raw.generator.name} has changed since {which} "
            f"{'was' if len(other) == 1 else 'were'} trained: outcomes are those of "
            "its present form."
        )
    if bundle.info["instance"] != raw.generator.instance.fingerprint:
        found.append("The instance has changed too: inputs are not compared.")
    gone = [version for version, its in bundles.items() if its is None]
    if gone:
        found.append(
            f"Not in the registry, so beside nothing: versions {', '.join(gone)}."
        )
    nameless = int((predictions.subject == NO_SUBJECT).sum())
    if nameless:
        found.append(
            f"Nothing can be joined to {plural(nameless, 'prediction')} without a "
            "subject: asked for with events alone, or by a server that had no key."
        )
    return found
