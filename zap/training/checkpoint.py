"""The state of a training on disk: one file of plain arrays, replaced as a whole.

Not Keras' own checkpoints, because the averaged weights, the best weights and the
history must be of the same epoch as the weights and the optimizer, or a resumed run
would end elsewhere than an undisturbed one.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zap.datasets.visits import Visits
from zap.encoding.columns import SparseRows

_HISTORY = "history"


class Checkpoint:
    """One file that holds the state of a training.

    Args:
        path: where the file is, or will be.
    """

    def __init__(self, path: Path):
        self._path = path

    def save(self, state: Sequence[Any], history: Sequence[Mapping[str, Any]]) -> None:
        """Writes the state under a temporary name, then renames it.

        Args:
            state: variables and arrays.
            history: JSON objects, one an epoch.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"{at:04d}": np.asarray(part) for at, part in enumerate(state)}
        arrays[_HISTORY] = np.array(json.dumps(list(history)))
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path)

    def restore(self, state: Sequence[Any]) -> list[dict[str, Any]]:
        """Fills ``state`` from the file and returns the history; [] without a file.

        A file that cannot be read whole is taken for none: it costs the epochs so far
        and nothing else.
        """
        try:
            with np.load(self._path, allow_pickle=False) as file:
                arrays = [file[f"{at:04d}"] for at in range(len(state))]
                history: list[dict[str, Any]] = json.loads(str(file[_HISTORY]))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return []
        for part, array in zip(state, arrays, strict=True):
            if isinstance(part, np.ndarray):
                part[...] = array
            else:
                part.assign(array)
        return history


def fingerprint_of(*parts: Visits | Mapping[str, Any]) -> str:
    """A digest of examples and settings; hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, Visits):
            _digest_visits(digest, part)
        else:
            digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()


def digest_of(arrays: Sequence[Any]) -> str:
    """A digest of arrays; hexadecimal."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _digest_visits(digest: Any, visits: Visits) -> None:
    for value in vars(visits).values():
        if isinstance(value, SparseRows):
            for array in vars(value).values():
                digest.update(np.ascontiguousarray(array))
        elif isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value))
