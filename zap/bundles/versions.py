"""The versions of an application's model: bundles under the names of what they hold.

A version's name follows from its files (`Bundle.version`), so that to add one twice is
to add it once, nobody can put other files under a name, and a name in a log or beside a
prediction says exactly which model that was.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.checked import COMPLETED, INFO, mark_of
from zap.bundles.files import LocalFiles, Where, files_at, read
from zap.bundles.names import (
    LIVE,
    PREVIOUS,
    SHORTEST_PREFIX,
    checked_application,
    is_version,
    now,
    user_name,
)
from zap.bundles.notes import Note, read_note, write_note
from zap.bundles.sealed import check_seal
from zap.errors import BundleError, RegistryError

VERSIONS = "versions"


class VersionStore:
    """The versions of one application, without what is live.

    Args:
        root: a local folder or a URL of a store that fsspec knows.
        application: its name.

    Raises:
        RegistryError: no application can have this name.
        MissingExtraError: fsspec is not installed.
        BundleError: fsspec knows no such store.
    """

    def __init__(self, root: Where, application: str):
        self.application = checked_application(application)
        self.path = f"{os.fspath(root).rstrip('/')}/{application}"
        self._files = files_at(self.path)

    def versions(self) -> list[str]:
        """All versions that are there whole, sorted by name.

        Raises:
            BundleError: the store can't be read.
        """
        found = [name for name in self._files.names(VERSIONS) if is_version(name)]
        marks = self._files.find_all([f"{VERSIONS}/{v}/{COMPLETED}" for v in found])
        return [v for v, mark in zip(found, marks, strict=True) if mark is not None]

    def add(
        self,
        bundle: Bundle,
        *,
        parent: str | None = None,
        verdicts: Mapping[str, Any] | None = None,
        who: str | None = None,
        why: str = "",
    ) -> str:
        """Copy a bundle into the registry; nothing is deployed.

        A version that is there already is left as it is, and so is its note.

        Args:
            bundle: verified as it is copied.
            parent: the version that it came from: as `resolve` takes it.
            verdicts: of the gates that it passed, by stage.
            who: adds it; who runs this process if None.
            why: in a person's words.

        Returns:
            Its version.

        Raises:
            RegistryError: the parent is unknown, or verdicts are not JSON.
            BundleError: the bundle is damaged, or the store refuses.
        """
        version = bundle.version
        came_from = self.resolve(parent) if parent else None
        self._copy(bundle, f"{VERSIONS}/{version}")
        self.load(version)
        dataset = bundle.info.get("dataset")
        note = Note(
            version, who or user_name(), now(), why, came_from, dataset, verdicts or {}
        )
        write_note(self._files, note)
        return version

    def _copy(self, bundle: Bundle, folder: str) -> None:
        contents = bundle.contents()
        if isinstance(self._files, LocalFiles):
            self._files.create_folder(folder, contents)
            return
        # Two may add at once what differs in bundle.json alone, such as its date. The
        # first to write that file has written it; the mark is made for what lies there.
        del contents[COMPLETED]
        self._files.create_folder(folder, contents)
        if self._files.find(f"{folder}/{COMPLETED}") is None:
            for name in bundle.sealed:
                self._forget_too(f"{folder}/{name}", contents[name])
        info = read(self._files, f"{folder}/{INFO}")
        self._files.create(f"{folder}/{COMPLETED}", mark_of(info))

    def _forget_too(self, name: str, content: bytes) -> None:
        """Put a sealed file in the place of what an upload that was cut short left.

        Of all others the bytes are the version's; of this one somebody may have been
        forgotten since.
        """
        there, where = read(self._files, name), self._files.shown(name)
        forgotten = [check_seal(each, where).forgotten for each in (there, content)]
        if forgotten[0] < forgotten[1]:
            self._files.replace(name, content)

    def resolve(self, reference: str) -> str:
        """The version that is meant.

        Args:
            reference: a version, or the first 4 or more digits of one.

        Raises:
            RegistryError: there is none, or several begin like this.
        """
        known = self.versions()
        if reference in known:
            return reference
        long = len(reference) >= SHORTEST_PREFIX
        found = [v for v in known if long and v.startswith(reference)]
        if len(found) == 1:
            return found[0]
        there = ", ".join(found or known) or "none; add one with zap models add BUNDLE"
        raise RegistryError(
            f"Expected one version of {self.application}: {SHORTEST_PREFIX} or more of "
            f"its digits, {LIVE} or {PREVIOUS}. Received: version={reference!r}, "
            f"registry={self.path}. {'Several begin so' if found else 'There are'}: "
            f"{there}."
        )

    def load(self, reference: str) -> Bundle:
        """A version's bundle, every file of it verified.

        Raises:
            RegistryError: there is no such version.
            BundleError: it is damaged, or is not what its name says.
        """
        return self._named(Bundle.load, reference)

    def open(self, reference: str) -> Bundle:
        """A version's bundle; its files are verified when they are read.

        Raises:
            RegistryError: there is no such version.
            BundleError: it is incomplete, or is not what its name says.
        """
        return self._named(Bundle.open, reference)

    def _named(self, opened: Callable[[Where], Bundle], reference: str) -> Bundle:
        version = self._whole(reference)
        try:
            bundle = opened(self._files.shown(f"{VERSIONS}/{version}"))
        except BundleError:
            self.resolve(version)  # says what there is, where there is no such version
            raise
        if bundle.version != version:
            raise BundleError(
                f"Expected the bundle of version {version}. Received: "
                f"version={bundle.version}, path={bundle.path}. It was put there by "
                "hand: add it with zap models add."
            )
        return bundle

    def note(self, reference: str) -> Note | None:
        """Who added a version, when, and from what; None if that was never noted.

        Raises:
            RegistryError: there is no such version, or its note is damaged.
            BundleError: the store can't be read.
        """
        version = self._whole(reference)
        found = read_note(self._files, version)
        if found is None:
            self.resolve(version)  # says what there is, where there is no such version
        return found

    def _whole(self, reference: str) -> str:
        """The version that is meant; of a whole one it is not asked if it is there.

        That would list the store, which whoever goes through all versions has done.
        """
        return reference if is_version(reference) else self.resolve(reference)

    def lineage(self, reference: str) -> list[str]:
        """A version and those it came from, the newest first."""
        line = [self.resolve(reference)]
        while (note := read_note(self._files, line[-1])) and note.parent:
            if note.parent in line:
                break
            line.append(note.parent)
        return line
