"""Whose events must not come to the archive any more, though they are on their way.

A delivery may hold a batch that it has read before a subject was forgotten in the
spool. So who forgets in the archive leaves a note with the number at which the spool
ended then; the writer leaves out the subject's events below it, and removes the note
once it is past that number. A note holds hashes with a salt of its own, no names.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from hashlib import blake2b
from pathlib import Path

import orjson

from zap.bundles.folders import replace_file
from zap.collect.archive.commits import make_folder
from zap.collect.event import Event
from zap.events.json_rows import text_of

FOLDER = "forgotten"
Names = Mapping[str, Collection[str]]
"""By field, ``anonymous_id`` or ``user_id``, the names of a subject in it."""


class Forgotten:
    """The notes that are there, as the writer reads them before each commit.

    Args:
        home: the archive's folder of notes.
    """

    def __init__(self, home: Path):
        folder = home / FOLDER
        paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
        self._notes = [(path, orjson.loads(path.read_bytes())) for path in paths]

    def holds(self, number: int, event: Event) -> bool:
        """Whether an event is one of those to leave out."""
        for _, note in self._notes:
            if number < note["below"]:
                for field, hashes in note["names"].items():
                    if _hash(note["salt"], event.get(field)) in hashes:
                        return True
        return False

    def passed(self, position: int) -> None:
        """Remove the notes that have done their work."""
        for path, note in self._notes:
            if note["below"] <= position:
                path.unlink()


def leave_note(home: Path, names: Names, below: int) -> None:
    """Tell the writer whom to leave out.

    Args:
        home: the archive's folder of notes.
        names: the subject's.
        below: the number at which the spool ends.

    Raises:
        OSError: the disk refuses.
    """
    salt = secrets.token_hex(16)
    hashes = {
        field: [_hash(salt, name) for name in sorted(of_field)]
        for field, of_field in names.items()
    }
    note = {"below": below, "salt": salt, "names": hashes}
    make_folder(home / FOLDER)
    replace_file(home / FOLDER / f"{secrets.token_hex(8)}.json", orjson.dumps(note))


def _hash(salt: str, name: object) -> str | None:
    try:
        text = text_of(name)
    except TypeError:
        return None
    key = bytes.fromhex(salt)
    return text and blake2b(text.encode(), digest_size=16, key=key).hexdigest()
