"""The output that a path names."""

from __future__ import annotations

import fsspec

from zap.bigquery.names import is_bigquery
from zap.bigquery.places import parse_place
from zap.errors import InputError
from zap.scoring.bigquery_output import BigQueryOutput
from zap.scoring.output import Output
from zap.scoring.parquet_output import ParquetOutput


def open_output(where: str) -> Output:
    """The output of a folder, of a URL of a store that fsspec knows, or of a table.

    Raises:
        BigQueryError: no table can have the name.
        InputError: no store of this kind is known, or its package is not installed.
    """
    if is_bigquery(where):
        return BigQueryOutput(parse_place(where))
    try:
        fsspec.core.url_to_fs(where)
    except (ValueError, ImportError) as error:
        raise InputError(
            "Expected an output in a folder, at a URL such as s3://BUCKET/FOLDER, or "
            "in a table bigquery://PROJECT.DATASET.TABLE. "
            f"Received: output={where} ({error}). Correct it, or install its package."
        ) from error
    return ParquetOutput(where)
