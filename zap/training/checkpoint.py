"""The state of a training: one file of plain arrays, replaced as a whole.

It lies on a disk or in any store that fsspec knows, so that a machine which takes over
from another, whose disk is gone, goes on from its last epoch.

Not Keras' own checkpoints, because the averaged weights, the best weights and the
history must be of the same epoch as the weights and the optimizer, or a resumed run
would end elsewhere than an undisturbed one.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zap.bundles.files import Where, files_at
from zap.datasets.visits import Visits
from zap.encoding.columns import SparseRows

_HISTORY = "history"


class Checkpoint:
    """One file that holds the state of a training.

    Args:
        folder: where the file is, or will be: a local folder, or a URL of a store.
        name: of the file.
    """

    def __init__(self, folder: Where, name: str):
        self._files, self._name = files_at(folder), name

    def save(self, state: Sequence[Any], history: Sequence[Mapping[str, Any]]) -> None:
        """Puts the state in the place of the one before, in one step.

        Args:
            state: variables and arrays.
            history: JSON objects, one an epoch.

        Raises:
            BundleError: the disk or the store refuses.
        """
        arrays = {f"{at:04d}": np.asarray(part) for at, part in enumerate(state)}
        arrays[_HISTORY] = np.array(json.dumps(list(history)))
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        self._files.replace(self._name, content.getvalue())

    def restore(self, state: Sequence[Any]) -> list[dict[str, Any]]:
        """Fills ``state`` from the file and returns the history; [] without a file.

        A file that is damaged is taken for none: it costs the epochs so far and nothing
        else.

        Raises:
            BundleError: the disk or the store refuses. To begin again would cost hours
                that a right, or a network, could have saved.
        """
        content = self._files.find(self._name)
        if content is None:
            return []
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                arrays = [file[f"{at:04d}"] for at in range(len(state))]
                history: list[dict[str, Any]] = json.loads(str(file[_HISTORY]))
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
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
            # Sources may be None. As an array that would be an address, which another
            # process has elsewhere, and no stopped run would ever resume.
            for array in vars(value).values():
                if array is not None:
                    digest.update(np.ascontiguousarray(array))
        elif isinstance(value, np.ndarray):
            digest.update(np.ascontiguousarray(value))
