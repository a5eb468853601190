"""The folder of one run, as the steps of a job and its verdict look at it."""

from __future__ import annotations

import glob
import json
from typing import Any

import fsspec

from zap.datasets.writing import written
from zap.scoring.staging import store_anew


class RunFolder:
    """Files below a folder.

    Args:
        path: a path that fsspec knows.
    """

    def __init__(self, path: str):
        self.path = path

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file.

        Raises:
            DatasetError: the disk is full, or fails.
        """
        with written(f"{self.path}/{name}") as file:
            file.write(content)

    def glob(self, pattern: str) -> list[str]:
        """Names of files that match, relative to the folder, in order."""
        files, root = store_anew(self.path)
        found = files.glob(f"{glob.escape(root)}/{pattern}")
        return sorted(str(path)[len(root) + 1 :] for path in found)

    def read_text(self, name: str) -> str:
        """The text of a file."""
        with fsspec.open(f"{self.path}/{name}", "rb") as file:
            return bytes(file.read()).decode()

    def read_json(self, name: str) -> Any:
        """What a JSON file holds."""
        return json.loads(self.read_text(name))
