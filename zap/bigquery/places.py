"""Where rows are written, as it stands behind a table's name.

    bigquery://project.dataset.predictions
    bigquery://project.dataset.predictions?staging=gs://bucket/zap

``staging`` is a folder in Cloud Storage for what waits to be loaded. Without one the
rows are sent along with the load, from this machine. ZAP_BIGQUERY_STAGING names one for
all commands.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import parse_qsl

from zap.bigquery.names import TableName, parse_table
from zap.errors import BigQueryError

STAGING = "ZAP_BIGQUERY_STAGING"
BUCKET = "gs://"


@dataclass(frozen=True)
class Place:
    """A table to be written.

    Attributes:
        name: of the table.
        staging: a folder in Cloud Storage; empty for none.

    Raises:
        BigQueryError: the folder is elsewhere, where BigQuery can't load from.
    """

    name: TableName
    staging: str = ""

    def __post_init__(self) -> None:
        bucket = self.staging.removeprefix(BUCKET).strip("/")
        if self.staging and not (self.staging.startswith(BUCKET) and bucket):
            raise BigQueryError(
                "Expected a folder of Cloud Storage, as BigQuery loads from there "
                f"alone. Received: staging={self.staging!r}. Give gs://BUCKET/FOLDER, "
                "or none to send the rows from here."
            )


def parse_place(text: str) -> Place:
    """The table that a text names, and where rows wait for it.

    Raises:
        BigQueryError: it names none.

    Example:
        >>> parse_place("bigquery://shop-data.web.scores?staging=gs://shop/tmp").staging
        'gs://shop/tmp'
    """
    table, _, asked = text.partition("?")
    given = parse_qsl(asked, keep_blank_values=True)
    if asked and [key for key, _ in given] != ["staging"]:
        raise BigQueryError(
            f"Expected nothing but staging behind a table. Received: {asked!r} in "
            f"{text!r}. Write bigquery://project.dataset.table?staging=gs://BUCKET."
        )
    staging = given[0][1] if given else os.environ.get(STAGING, "")
    return Place(parse_table(table), staging.rstrip("/"))
