"""Reads of Redis, held against redis-py's own on a real server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_servers import Server, redis_server
from redis import Redis
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as TooSlow

from zap.serving.stores.redis_reads import Reads


def large(byte: bytes) -> bytes:
    """More than comes at once."""
    return byte * 300_001


VALUES = st.one_of(st.binary(max_size=50), st.binary(min_size=1, max_size=1).map(large))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if shutil.which("redis-server") is None:
        pytest.skip("needs server: redis-server")
    made = redis_server(tmp_path_factory.mktemp("redis"))
    made.start()
    yield made
    made.kill()


@pytest.fixture
def client(server: Server) -> Iterator[Redis]:
    with Redis.from_url(f"{server.url}3", socket_timeout=5) as made:
        yield made


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.binary(min_size=1, max_size=9), VALUES, max_size=6),
    st.lists(st.binary(min_size=1, max_size=9), max_size=3),
)
def test_what_redis_py_wrote_is_read(client, there, missing) -> None:
    client.flushdb()
    if there:
        client.mset(there)
    reads = Reads(client.connection_pool)
    keys = [*there, *missing, *there]
    if keys:
        assert reads.get(keys) == client.mget(keys)
    assert [reads.get([key])[0] for key in keys] == [client.get(key) for key in keys]
    reads.close()


def test_an_error_is_one_and_the_next_question_has_its_own_answer(client) -> None:
    client.flushdb()
    client.lpush("list", "a")
    client.set("text", "b")
    reads = Reads(client.connection_pool)
    for _ in range(3):
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            reads.get([b"list"])
        assert reads.get([b"text"]) == [b"b"]
    reads.close()


def test_a_late_answer_is_not_taken_for_the_next(server: Server) -> None:
    client = Redis.from_url(server.url, socket_timeout=0.2)
    client.mset({"one": "1", "two": "2"})
    reads = Reads(client.connection_pool)
    assert reads.get([b"one"]) == [b"1"]
    server.freeze()
    with pytest.raises(TooSlow):
        reads.get([b"one"])
    server.thaw()
    assert reads.get([b"two"]) == [b"2"]
    reads.close()


def test_a_name_and_a_database_are_those_of_the_address(client, server) -> None:
    client.flushdb()
    client.set("here", "3")
    client.acl_setuser(
        "zap", enabled=True, passwords=["+word"], keys=["*"], commands=["+@all"]
    )
    for password, fails in (("word", False), ("other", True)):
        url = f"redis://zap:{password}@127.0.0.1:{server.port}/3"
        reads = Reads(Redis.from_url(url).connection_pool)
        if fails:
            with pytest.raises(RedisError):
                reads.get([b"here"])
        else:
            assert reads.get([b"here"]) == [b"3"]
        reads.close()


def test_threads_and_a_restart(tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("needs server: redis-server")
    server = redis_server(tmp_path)
    server.start()
    reads = Reads(Redis.from_url(server.url, socket_timeout=5).connection_pool)
    with ThreadPoolExecutor(4) as threads:
        for _ in range(2):
            asked = threads.map(lambda at: reads.get([b"%d" % at]), range(100))
            assert list(asked) == [[None]] * 100
            server.kill()
            server.start()
    reads.close()
    server.kill()
