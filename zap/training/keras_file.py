"""A Keras model as the bytes of a file, equal for equal weights.

Keras writes into its file when that was, in two places. A bundle's version follows from
its files, so that the same training on two machines, or twice on one, would make two
versions of one model. So both dates are those of the beginning of zip's own time.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

_METADATA, _SAVED = "metadata.json", "date_saved"
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def keras_bytes(model: Any) -> bytes:
    """A model in Keras' own format, without the date.

    Args:
        model: a Keras model.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return undated(path.read_bytes())


def undated(content: bytes) -> bytes:
    """A Keras file with the dates in it set to one that is always the same."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as there,
        zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as here,
    ):
        for name in there.namelist():
            part = there.read(name)
            if name == _METADATA:
                part = json.dumps(
                    {**json.loads(part), _SAVED: "1980-01-01@00:00:00"}
                ).encode()
            here.writestr(zipfile.ZipInfo(name, _LONG_AGO), part)
    return made.getvalue()
