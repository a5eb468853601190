"""Servers and places for the tests of scoring."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from tests.bigquery.conftest import (  # noqa: F401
    bigquery,
    bigquery_server,
    gaps,
    gs_bucket,
)
from tests.bundles.conftest import s3_server  # noqa: F401
from tests.serving.conftest import redis  # noqa: F401


@pytest.fixture(params=["local", "memory", pytest.param("s3", marks=pytest.mark.slow)])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An empty place for predictions, in each kind of store."""
    if request.param == "local":
        return str(tmp_path / "predictions")
    name = f"made-{uuid.uuid4().hex[:12]}"
    if request.param == "memory":
        return f"memory://{name}/predictions"
    for key, value in request.getfixturevalue("s3_server").items():
        monkeypatch.setenv(key, value)
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
    return f"s3://{name}/predictions"
