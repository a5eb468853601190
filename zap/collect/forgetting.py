"""One subject forgotten where the collector keeps events: spool, archive, bad rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from zap.collect.app.config import CollectConfig
from zap.collect.archive.day_files import BROKEN
from zap.collect.archive.forgetting import forget_archived
from zap.collect.bad import inbox
from zap.collect.bad.forgetting import forget as forget_bad
from zap.collect.bad.forgetting import names as named_in
from zap.collect.checks.keyed import key_of, keyed
from zap.collect.record import EVENT, BadRecord, decode
from zap.collect.spool import SpoolReader
from zap.collect.spool import forget as forget_spooled
from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.errors import ZapError
from zap.events.archive_files import HOME
from zap.events.json_rows import text_of

PREFIXES = {"anonymous_id": OF_DEVICE, "user_id": OF_USER}
"""By field, what may stand before a name to say that it is one of that field."""

KINDS = ("spool", "archive", "bad rows")


@dataclass(frozen=True)
class Collected:
    """Where a collector keeps events.

    Attributes:
        archive, spool, bad: folders that are to be looked through.
        keys: by which sources hash ids before they are written.
    """

    archive: Path | None = None
    spool: Path | None = None
    bad: Path | None = None
    keys: tuple[bytes, ...] = ()

    @classmethod
    def of(
        cls, config: CollectConfig, path: str | Path, archive: Path | None = None
    ) -> Collected:
        """The places of a collector's settings that are there.

        Args:
            config: the settings.
            path: their file, to whose folder files of keys are relative.
            archive: instead of the one that they name.

        Raises:
            CollectError: a key is missing.
        """
        hashed = [s.privacy for s in config.sources.values() if s.privacy.hash]
        keys = {key_of(privacy, Path(path).parent) for privacy in hashed}
        named = (config.archive, config.spool, config.bad)
        there, spool, bad = (
            Path(place) if place and Path(place).is_dir() else None for place in named
        )
        return cls(archive or there, spool, bad, tuple(sorted(keys)))


@dataclass
class CollectedSearch:
    """What has come of a search.

    Attributes:
        removed: by kind of place, its path and what was taken out.
        refused: places that could not be changed, and why.
        missed: in words, what may still tell of the subject.
    """

    removed: dict[str, tuple[str, int]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def forget_collected(subject: str, places: Collected) -> CollectedSearch:
    """Take a subject out of all that a collector keeps, while it runs.

    Args:
        subject: an anonymous id or a user's; ``user:`` or ``anonymous:`` before it say
            which one it is.
        places: where to look.
    """
    search = CollectedSearch()
    names = _names(subject, places.keys)
    everyone = {name for of_field in names.values() for name in of_field}
    below: list[int] = []

    def in_spool(spool: Path) -> int:
        holds = _of_subject(names)
        waiting = inbox.forget(spool, holds)  # first: from there it comes to the spool
        below.append(SpoolReader(spool).end)
        found = forget_spooled(spool, holds)
        if found.damaged:
            search.missed.append(
                f"{found.damaged:,} damaged records in {spool}: nobody can tell whose "
                "they are; they go when the spool is trimmed"
            )
        return waiting + found.records

    def in_archive(archive: Path) -> int:
        found = forget_archived(archive, names, below[0] if below else None)
        if any((archive / HOME / BROKEN).glob("*/*/*")):
            search.missed.append(f"damaged files in {archive / HOME / BROKEN}")
        if found.linked:
            search.missed.append(
                "whom its events named besides; forget them too if they are the same: "
                + ", ".join(sorted(found.linked))
            )
        return found.removed

    def in_bad_rows(bad: Path) -> int:
        return forget_bad(bad, lambda row: named_in(row.payload, everyone))

    if places.archive is not None and places.spool is None:
        search.missed.append("events on their way to the archive: no spool is named")
    removed: dict[str, tuple[str, int]] = {}
    for kind, place, work in (
        ("bad rows", places.bad, in_bad_rows),  # first: a replay would bring them back
        ("spool", places.spool, in_spool),
        ("archive", places.archive, in_archive),
        ("bad rows", places.bad, in_bad_rows),  # those that were on their way there
    ):
        if place is not None:
            try:
                before = removed.get(kind, ("", 0))[1]
                removed[kind] = str(place), before + work(place)
            except ZapError as error:
                search.refused.append(f"{place}: {error}")
    search.removed = {kind: removed[kind] for kind in KINDS if kind in removed}
    search.refused = [*dict.fromkeys(search.refused)]
    return search


def called(field: str, subject: str, keys: Collection[bytes]) -> set[str]:
    """What a subject is called in a field, hashed or not.

    Args:
        field: of events.
        subject: with or without the prefix of the field.
        keys: by which sources hash values before they are written.
    """
    plain = {subject, subject.removeprefix(PREFIXES.get(field, ""))}
    return plain | {keyed(key, each) for key in keys for each in plain}


def _names(subject: str, keys: Collection[bytes]) -> dict[str, set[str]]:
    """What a subject is called in each field that may name it."""
    return {field: called(field, subject, keys) for field in PREFIXES}


def _of_subject(names: Mapping[str, Collection[str]]) -> Callable[[bytes], bool]:
    """Whether a record of the spool is the subject's."""
    everyone = {name for of_field in names.values() for name in of_field}
    texts = [orjson.dumps(name)[1:-1] for name in everyone]

    def holds(record: bytes) -> bool:
        if record[:1] == EVENT and not any(text in record for text in texts):
            return False  # most are told without being parsed
        found = decode(record)
        if found is None:
            return False
        if isinstance(found, BadRecord):
            return named_in(found.row.payload, everyone)
        return any(_text(found.get(field)) in names[field] for field in names)

    return holds


def _text(value: object) -> str | None:
    try:
        return text_of(value)
    except TypeError:
        return None
