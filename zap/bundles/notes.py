"""What a registry knows of a version beside its files: who, when and from what.

A note is written once, when a version is added, and never edited; what happens later is
in the log of deployments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from zap.bundles.files import Files
from zap.bundles.names import is_version
from zap.errors import RegistryError


@dataclass(frozen=True)
class Note:
    """What is noted of a version.

    Attributes:
        version: which.
        who: added it.
        when: UTC, ISO 8601.
        why: in a person's words; may be empty.
        parent: the version that it came from: trained on from, or retrained after.
        dataset: the digest of the examples that it was trained on, if known.
        verdicts: of the gates that it passed, by stage.
    """

    version: str
    who: str
    when: str
    why: str = ""
    parent: str | None = None
    dataset: str | None = None
    verdicts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        right = all(isinstance(text, str) for text in (self.who, self.when, self.why))
        for version in (self.version, self.parent or self.version):
            right &= isinstance(version, str) and is_version(version)
        right &= isinstance(self.verdicts, Mapping)
        if not right or datetime.fromisoformat(self.when).tzinfo is None:
            raise ValueError(f"no note of a version: {self}")

    def to_dict(self) -> dict[str, Any]:
        """The note as a JSON object."""
        return asdict(self)


def write_note(files: Files, note: Note) -> bool:
    """Write a note, if there is none of this version yet.

    Returns:
        Whether it was written.

    Raises:
        RegistryError: its verdicts are not JSON.
        BundleError: the store refuses.
    """
    try:
        text = json.dumps(note.to_dict(), indent=1, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise RegistryError(
            f"Expected verdicts that are JSON. Received: {error}. Use numbers, texts, "
            "lists and objects, and None in place of NaN."
        ) from error
    return files.create(path_of(note.version), f"{text}\n".encode())


def read_note(files: Files, version: str) -> Note | None:
    """The note of a version; None if there is none, as after a kill while adding.

    Raises:
        RegistryError: it has changed.
        BundleError: the store can't be read.
    """
    content = files.find(path_of(version))
    if content is None:
        return None
    try:
        said = json.loads(content)
        return Note(**{each.name: said[each.name] for each in fields(Note)})
    except (ValueError, TypeError, KeyError) as error:
        raise RegistryError(
            "Expected a note as it was written. Received: "
            f"file={files.shown(path_of(version))}, error={error}. Put back what was "
            "there, or remove it: it is not needed to deploy."
        ) from error


def path_of(version: str) -> str:
    """The file of a version's note, in the application's folder."""
    return f"notes/{version}.json"
