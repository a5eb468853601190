"""Names of BigQuery's tables, as they are written on a command line.

``bigquery://project.dataset.table`` is a table wherever a path of files may stand. The
service has its own limits on names; they are checked here, so that a slip of the pen is
told before anything is sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from zap.errors import BigQueryError

SCHEME = "bigquery://"
# A project of an organisation's domain is written "example.com:project".
_PROJECT = re.compile(r"([a-z0-9][a-z0-9.-]*:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
_DATASET = re.compile(r"\w{1,1024}", re.ASCII)
_TABLE = re.compile(r"[\w -]{1,1024}")


@dataclass(frozen=True)
class TableName:
    """The full name of a table, or of all tables whose names begin alike.

    Attributes:
        project: the project that holds it.
        dataset: the dataset within the project.
        table: the table within the dataset; of several tables the beginning, then "*".

    Raises:
        BigQueryError: no table can have this name.

    Example:
        >>> parse_table("bigquery://shop-data.web.events").dataset
        'web'
    """

    project: str
    dataset: str
    table: str

    def __post_init__(self) -> None:
        for part, form, what in (
            ("project", _PROJECT, "6 to 30 lower-case letters, digits and -"),
            ("dataset", _DATASET, "letters, digits and _"),
            ("table", _TABLE, "letters, digits, _, - and blanks"),
        ):
            value = getattr(self, part)
            name = value[:-1] if part == "table" and self.is_wildcard else value
            if not form.fullmatch(name):
                raise BigQueryError(
                    f"Expected a name bigquery://project.dataset.table, its {part} of "
                    f"{what}. Received: {part}={value!r}. Write the name as BigQuery's "
                    "console shows it."
                )

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for several tables, such as GA4's ``events_*``."""
        return self.table.endswith("*")

    @property
    def id(self) -> str:
        """As BigQuery's clients take it: ``project.dataset.table``."""
        return f"{self.project}.{self.dataset}.{self.table}"

    @property
    def url(self) -> str:
        """As it is written on a command line."""
        return SCHEME + self.id

    @property
    def sql(self) -> str:
        """As it is written in a query, quoted."""
        return f"`{self.id}`"

    @property
    def path(self) -> str:
        """As the Storage API takes it."""
        return f"projects/{self.project}/datasets/{self.dataset}/tables/{self.table}"

    def partition(self, day: date) -> str:
        """The id of one day's partition, for a load that replaces it."""
        return f"{self.id}${day:%Y%m%d}"


def is_bigquery(text: str) -> bool:
    """Whether a text on a command line names a table and no file."""
    return text.startswith(SCHEME)


def parse_table(text: str, wildcard: bool = False) -> TableName:
    """The table that a text names.

    Args:
        text: ``bigquery://project.dataset.table``.
        wildcard: whether the table may end with "*", for several tables.

    Raises:
        BigQueryError: it names none.

    Example:
        >>> parse_table("bigquery://shop-data.web.events_*", wildcard=True).is_wildcard
        True
    """
    # The dots of a domain belong to the project, so count from the right.
    parts = text.removeprefix(SCHEME).rsplit(".", 2)
    if not is_bigquery(text) or len(parts) != 3:
        raise BigQueryError(
            "Expected bigquery://project.dataset.table. "
            f"Received: table={text!r}. Give all three parts, with dots between them."
        )
    name = TableName(*parts)
    if name.is_wildcard and not wildcard:
        raise BigQueryError(
            "Expected one table, as several can't be written at once. "
            f"Received: table={text!r}. Leave the * out."
        )
    return name
