"""Servers for the tests of scoring."""

from tests.bigquery.conftest import (  # noqa: F401
    bigquery,
    bigquery_server,
    bucket,
)
from tests.serving.conftest import redis  # noqa: F401
