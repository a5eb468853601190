"""Stores that bundles and registries must work with, all held to the same tests."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "sites"))

from made_buckets import s3_server  # noqa: F401


@pytest.fixture(params=["local", "memory", "s3"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An empty place for a registry, in each kind of store."""
    if request.param == "local":
        return str(tmp_path / "models")
    name = f"made-{uuid.uuid4().hex[:12]}"
    if request.param == "memory":
        pytest.importorskip("fsspec", reason="needs extra: dev")
        return f"memory://{name}/models"
    for key, value in request.getfixturevalue("s3_server").items():
        monkeypatch.setenv(key, value)
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
    return f"s3://{name}/models"


@pytest.fixture
def s3_environment(request: pytest.FixtureRequest, root: str) -> dict[str, str]:
    """What other processes need to see ``root``."""
    if root.startswith("s3://"):
        return {**os.environ, **request.getfixturevalue("s3_server")}
    return dict(os.environ)
