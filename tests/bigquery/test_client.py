"""Where clients ask, and that they hold no secrets."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bigquery_server import PROJECT, BigQueryServer

from zap.bigquery import errors
from zap.bigquery.client import (
    Endpoints,
    billed_project,
    rest_client,
    storage_client,
)
from zap.bigquery.names import TableName
from zap.bigquery.queries import run_query
from zap.bigquery.reads import TableRead
from zap.bigquery.sessions import open_session
from zap.bigquery.tables import daily_tables, describe_tables
from zap.errors import BigQueryError

VARIABLES = (
    "BIGQUERY_EMULATOR_HOST",
    "BIGQUERY_STORAGE_EMULATOR_HOST",
    "ZAP_BIGQUERY_ENDPOINT",
    "ZAP_BIGQUERY_STORAGE_ENDPOINT",
    "GOOGLE_CLOUD_PROJECT",
    "GOOGLE_APPLICATION_CREDENTIALS",
)


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_google_itself_is_asked_where_no_variable_is_set(
    unset: pytest.MonkeyPatch,
) -> None:
    assert Endpoints.of_environment() == Endpoints()


def test_a_private_endpoint_is_asked_with_credentials(
    unset: pytest.MonkeyPatch,
) -> None:
    unset.setenv("ZAP_BIGQUERY_ENDPOINT", "https://bigquery.internal")
    unset.setenv("ZAP_BIGQUERY_STORAGE_ENDPOINT", "storage.internal:443")
    found = Endpoints.of_environment()
    assert found == Endpoints("https://bigquery.internal", "storage.internal:443")


def test_an_emulator_s_address_may_lack_its_scheme(unset: pytest.MonkeyPatch) -> None:
    unset.setenv("BIGQUERY_EMULATOR_HOST", "localhost:9050")
    assert Endpoints.of_environment() == Endpoints("http://localhost:9050", "", True)


def test_a_storage_emulator_alone_is_refused(unset: pytest.MonkeyPatch) -> None:
    unset.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", "localhost:9060")
    with pytest.raises(BigQueryError, match="BIGQUERY_EMULATOR_HOST beside"):
        Endpoints.of_environment()


def test_reading_needs_the_emulator_s_storage_address(
    unset: pytest.MonkeyPatch,
) -> None:
    unset.setenv("BIGQUERY_EMULATOR_HOST", "localhost:9050")
    with pytest.raises(BigQueryError, match="BIGQUERY_STORAGE_EMULATOR_HOST"):
        storage_client()


def test_a_key_file_that_is_wrong_is_told_without_its_content(
    unset: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"type": "nothing", "private_key": "SECRET"}')
    unset.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    with pytest.raises(BigQueryError, match="gcloud auth") as raised:
        rest_client("shop-data")
    assert str(key) in str(raised.value)
    assert "SECRET" not in str(raised.value)


def test_jobs_run_where_the_variable_says(unset: pytest.MonkeyPatch) -> None:
    assert billed_project("shop-data") == "shop-data"
    unset.setenv("GOOGLE_CLOUD_PROJECT", "shop-jobs")
    assert billed_project("shop-data") == "shop-jobs"


def test_both_clients_reach_the_emulator(bigquery: BigQueryServer) -> None:
    dataset = bigquery.new_dataset()
    client = rest_client(PROJECT)
    client.query(f"CREATE TABLE `{dataset}.t` AS SELECT 7 AS n").result()
    assert [row.n for row in client.list_rows(f"{dataset}.t")] == [7]
    project, name = dataset.split(".")
    session = storage_client().create_read_session(
        parent=f"projects/{project}",
        read_session={
            "table": f"projects/{project}/datasets/{name}/tables/t",
            "data_format": "ARROW",
        },
        max_stream_count=1,
    )
    assert len(session.streams) == 1


TABLE = TableName("shop-data", "web", "events")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: describe_tables([TABLE]),
        lambda: daily_tables(TABLE, None, None),
        lambda: run_query("SELECT 1", None),
        lambda: open_session(TableRead(TABLE, "shop-data", fields=("who",))),
    ],
    ids=["describe", "list", "query", "session"],
)
def test_a_service_that_is_away_is_not_waited_for_in_silence(
    unset: pytest.MonkeyPatch, ask: Callable[[], Any]
) -> None:
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        unset.setenv("BIGQUERY_EMULATOR_HOST", address)
        unset.setenv("BIGQUERY_STORAGE_EMULATOR_HOST", address)
        unset.setenv("GOOGLE_CLOUD_PROJECT", "shop-jobs")
        unset.setattr(errors, "_PATIENCE_S", 0.1)
        told: queue.Queue[Exception] = queue.Queue()

        def asked() -> None:
            try:
                ask()
            except Exception as error:
                told.put(error)

        threading.Thread(target=asked, daemon=True).start()
        error = told.get(timeout=60)
    assert isinstance(error, BigQueryError) and "Check the network" in str(error)
