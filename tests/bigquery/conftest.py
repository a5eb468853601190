"""BigQuery's emulator, one for all tests of the folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from bigquery_gaps import Gaps
from bigquery_server import BigQueryServer, named_bucket, served

from zap.bigquery.client import STORAGE_EMULATOR


@pytest.fixture(scope="session")
def bigquery_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BigQueryServer]:
    yield from served(tmp_path_factory.mktemp("bigquery"))


@pytest.fixture
def bigquery(
    bigquery_server: BigQueryServer, monkeypatch: pytest.MonkeyPatch
) -> BigQueryServer:
    bigquery_server.name_in(monkeypatch)
    return bigquery_server


@pytest.fixture
def gs_bucket(bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a bucket that fsspec and the emulator know."""
    return named_bucket(bigquery, monkeypatch)


@pytest.fixture
def gaps(bigquery: BigQueryServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gaps]:
    """The emulator's Storage API with what it lacks."""
    with Gaps(bigquery) as between:
        monkeypatch.setenv(STORAGE_EMULATOR, between.address)
        yield between
