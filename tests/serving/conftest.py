"""A whole run on a made-up shop, and servers, for the tests that serve its model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from made_run import made_run  # noqa: F401
from made_servers import Server, mongo_server, redis_server


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A Redis server for all tests; a test takes keys or a database of its own."""
    yield from started(redis_server(tmp_path_factory.mktemp("redis")))


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of MongoDB's protocol; a test takes a database of its own."""
    yield from started(mongo_server(tmp_path_factory.mktemp("mongo")))


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    """A Redis server for one test, which may kill it."""
    yield from started(redis_server(tmp_path))


@pytest.fixture
def own_mongo(tmp_path: Path) -> Iterator[Server]:
    """The same for MongoDB's protocol."""
    yield from started(mongo_server(tmp_path))


def started(server: Server) -> Iterator[Server]:
    """The server while a test needs it."""
    server.start()
    yield server
    server.kill()
