"""A whole run on the made-up site is shared, and three weeks of retraining."""

import pytest

pytest.importorskip("tensorflow")

from made_buckets import bucket, s3_server  # noqa: F401
from made_retraining import shop, three_weeks  # noqa: F401
from made_run import made_run  # noqa: F401

from tests.bigquery.conftest import (  # noqa: F401
    bigquery,
    bigquery_server,
    gs_bucket,
)
