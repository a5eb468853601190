"""What live versions need of events: told by a registry, for all who fill a store.

A rebuild from an archive and the delivery of collected events ask here, so that both
keep the same of each event.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from zap.bundles.bundle import Bundle
from zap.bundles.files import Where
from zap.bundles.registry import Registry, applications
from zap.encoding.encoder import Encoder
from zap.errors import RegistryError
from zap.events.derived import DERIVED
from zap.serving.stores.need import PERSON, Need

_ALWAYS = {"type", "sequence"}
_PERSON_FIELDS = ("anonymous_id", "user_id")


def need_of(bundle: Bundle) -> Need:
    """What the model of a bundle needs.

    Raises:
        BundleError: the bundle is damaged.
    """
    subject = bundle.json("generator.json")["subject"]
    encoder = Encoder.from_dict(bundle.json("encoder.json"))
    return Need.of(encoder.instance, subject)


def needs_of(root: Where, names: Sequence[str] | None = None) -> dict[str, Need]:
    """What the live versions of applications need, by application.

    Args:
        root: the registry.
        names: applications; None: all that have a live version.

    Raises:
        RegistryError: there is no such registry, application or live version.
    """
    found: dict[str, Need] = {}
    for name in names or applications(root):
        registry = Registry(root, name)
        version = registry.live()
        if version is None:
            if names:
                registry.resolve("live")
            continue
        found[name] = need_of(registry.open(version))
    if not found:
        raise RegistryError(
            "Expected a registry with a live version, whose events are kept. "
            f"Received: registry={root}. Deploy one with zap models deploy."
        )
    return found


def needs_with(root: Where, names: Sequence[str]) -> dict[str, Need]:
    """The needs of applications, and of those that ask about the same subjects.

    These share the documents of a store, and from a document goes what none of the
    needs that the store was told of looks at.

    Raises:
        RegistryError: there is no such registry, application or live version.
        BundleError: a live version can't be read.
    """
    chosen = needs_of(root, names)
    subjects = {need.subject for need in chosen.values()}
    beside = {
        name: need for name, need in needs_of(root).items() if need.subject in subjects
    }
    return {**beside, **chosen}


def fields_of(needs: Collection[Need]) -> set[str]:
    """The columns of canonical events that are read."""
    found = set(_ALWAYS)
    for need in needs:
        found.update(_PERSON_FIELDS if need.subject == PERSON else (need.subject,))
        for name in need.fields:
            found.add(DERIVED[name].base if name in DERIVED else name)
    return found
