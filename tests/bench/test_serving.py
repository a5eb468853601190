"""The load client of the serving benchmark asks as it says, whatever a server does."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.serving.load import Load, run

STALL_S = 0.3


class Answering:
    """A server of one thread a connection that stalls at one request, once."""

    def __init__(self, stall_at: int = -1, status: str = "200 OK"):
        self.asked: list[bytes] = []
        self._stall_at, self._status = stall_at, status
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(
                target=self._serve, args=(connection,), daemon=True
            ).start()

    def _serve(self, connection: socket.socket) -> None:
        received = b""
        while part := connection.recv(4096):
            received += part
            while b"\r\n\r\n" in received:
                head, _, rest = received.partition(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
                if len(rest) < size:
                    break
                received = rest[size:]
                with self._lock:
                    number = len(self.asked)
                    self.asked.append(rest[:size])
                if number == self._stall_at:
                    time.sleep(STALL_S)
                content = b"x" * 70_000  # comes in parts
                answer = f"HTTP/1.1 {self._status}\r\nContent-Length: {len(content)}"
                connection.sendall(answer.encode() + b"\r\n\r\n" + content)


@contextmanager
def answering(**given: object) -> Iterator[Answering]:
    server = Answering(**given)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.close()


def due(rate: float, seconds: float, seed: int) -> list[float]:
    """The times of a Poisson process, drawn as the client says that it does."""
    draw, times = random.Random(seed), [0.0]
    while times[-1] < seconds:
        times.append(times[-1] + draw.expovariate(rate))
    return times[:-1]


def test_an_open_load_asks_all_that_is_due_though_the_server_stalls() -> None:
    with answering(stall_at=10) as server:
        load = Load(server.port, "/p", ["a", "bc"], 1, 200, 1.0, warm_seconds=0, seed=3)
        done = run(load)
        times = due(200, 1.0, 3)
        assert len(done.latencies) == len(times) == len(server.asked)
        assert done.statuses == {"200": len(times)}
        assert server.asked[:4] == [b"a", b"bc", b"a", b"bc"]
        # Whoever became due while the server stalled waited for its end.
        begun = times[10]
        waited = sum(begun + STALL_S - t for t in times[10:] if t < begun + STALL_S)
        assert sum(done.latencies) >= waited > 3 * STALL_S


def test_a_closed_load_asks_again_once_it_is_answered() -> None:
    with answering(status="503 Busy") as server:
        load = Load(server.port, "/p", ["a"], 3, 0, 0.2, warm_seconds=0.05)
        done = run(load)
        assert done.statuses == {"503": len(done.latencies)}
        assert done.answers == len(server.asked) >= len(done.latencies) > 3


def test_a_connection_that_ends_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]

        def hang_up() -> None:
            connection, _ = listening.accept()
            connection.recv(100)
            connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        with pytest.raises(OSError):
            run(Load(port, "/p", ["a"], 1, 0, 1, warm_seconds=0))
