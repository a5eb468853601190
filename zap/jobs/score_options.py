"""What scoring is asked for: by which version, at what times, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zap.beam.workers import Workers
from zap.bundles.bundle import Bundle
from zap.bundles.files import Where
from zap.bundles.names import LIVE
from zap.bundles.registry import Registry
from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.scoring.question import mapping_of
from zap.times import DAY_US, iso


@dataclass(frozen=True)
class ScoreOptions:
    """How subjects are scored.

    Attributes:
        eligible: whether only those are scored for whom the question is asked.
        max_bad_share: share of bad rows above which nothing is published.
        shards: number of shards; None chooses by the size of the input.
        beam_args: Beam's own command-line options.
        workers: processes of a local run that were begun before; they end with it.
    """

    eligible: bool = False
    max_bad_share: float = 0.01
    shards: int | None = None
    beam_args: tuple[str, ...] = ()
    workers: Workers | None = None

    def __post_init__(self) -> None:
        if self.shards is not None and self.shards < 1:
            raise InputError(
                "Expected at least one shard. "
                f"Received: shards={self.shards}. Leave it out to choose by size."
            )
        if not 0 <= self.max_bad_share <= 1:
            raise InputError(
                "Expected a share of bad rows from 0 to 1. "
                f"Received: max_bad_share={self.max_bad_share}."
            )


def find_bundle(
    application: str, root: Where, version: str = LIVE, bundle: str | None = None
) -> Bundle:
    """The version that is to score, verified.

    Args:
        application: whose.
        root: the registry.
        version: as a registry resolves it; its live one if nothing is said.
        bundle: a bundle's directory or URL, in place of a registry's.

    Raises:
        RegistryError: there is no such version.
        BundleError: it is damaged.
    """
    if bundle is not None:
        return Bundle.load(bundle)
    registry = Registry(root, application)
    return registry.load(registry.resolve(version))


def check_times(times_us: Sequence[int]) -> None:
    """Check that there are times of reference, each on a day of its own.

    Raises:
        InputError: there are none, or two on one day, one of which would be lost.
    """
    by_day: dict[int, int] = {}
    for at_us in times_us:
        other = by_day.setdefault(at_us // DAY_US, at_us)
        if other != at_us or times_us.count(at_us) > 1:
            raise InputError(
                "Expected times of reference on days of their own, since a day has one "
                f"set of predictions. Received: at={iso(other)} and {iso(at_us)}. "
                "Leave one out, or write it to another output."
            )
    if not by_day:
        raise InputError(
            "Expected a time of reference. Received: none. Give one with --at, or days "
            "with --days."
        )


def own_mapping(bundle: Bundle) -> EventMapping:
    """The mapping that a bundle was trained with, if that is all that is needed.

    Raises:
        BundleError: it does not tell one.
        MappingError: the mapping names files of dimensions, which are elsewhere now.
    """
    mapping = mapping_of(bundle)
    if mapping.dimensions:
        names = ", ".join(each.name for each in mapping.dimensions)
        raise MappingError(
            "Expected the mapping file, since the mapping has dimensions, whose files "
            f"are found from where it lies. Received: dimensions={names}. Give it with "
            "--mapping FILE."
        )
    return mapping
