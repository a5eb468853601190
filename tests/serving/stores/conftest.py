"""The address of a store of each kind, with real servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_servers import Server

KINDS = ("sqlite", "redis", "mongo")


@pytest.fixture(scope="session", params=KINDS)
def store_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The address of a store that all tests share; each takes subjects of its own."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path_factory.mktemp('sqlite') / 'events.db'}"
    server: Server = request.getfixturevalue(request.param)
    return server.url


@pytest.fixture(params=["redis", "mongo"])
def own_server(request: pytest.FixtureRequest, tmp_path: Path) -> Server:
    """A server that the test may kill."""
    server: Server = request.getfixturevalue(f"own_{request.param}")
    return server
