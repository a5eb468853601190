"""The output that a path names."""

from __future__ import annotations

import fsspec

from zap.errors import InputError
from zap.scoring.output import Output
from zap.scoring.parquet_output import ParquetOutput


def open_output(where: str) -> Output:
    """The output of a local folder, or of a URL of a store that fsspec knows.

    Raises:
        InputError: no store of this kind is known, or its package is not installed.
    """
    try:
        fsspec.core.url_to_fs(where)
    except (ValueError, ImportError) as error:
        raise InputError(
            "Expected an output in a folder, or at a URL such as s3://BUCKET/FOLDER. "
            f"Received: output={where} ({error}). Correct it, or install its package."
        ) from error
    return ParquetOutput(where)
