"""The rows of a run that could not be read, as they lie in its folder."""

from __future__ import annotations

import fsspec


class Letters:
    """Files of dead letters below a folder.

    Args:
        folder: a path that fsspec knows.
    """

    def __init__(self, folder: str):
        self._folder = folder

    def glob(self, pattern: str) -> list[str]:
        """Names of files that match, relative to the folder, in order."""
        files, root = fsspec.core.url_to_fs(self._folder)
        found = files.glob(f"{root}/{pattern}")
        return sorted(str(path)[len(root) + 1 :] for path in found)

    def read_text(self, name: str) -> str:
        """The text of a file."""
        with fsspec.open(f"{self._folder}/{name}", "rb") as file:
            return bytes(file.read()).decode()
