"""``python -m bench.serving.load``: asks a server as many clients would, and no more.

A loop of its own over sockets, in a process of its own: requests are made before, and
of an answer only its length and its status are looked at. Open: requests are due at
times drawn before (a Poisson process), whatever the server does, and a latency counts
from when its request was due; one that finds all connections taken waits, and its wait
counts. So a server that stalls is not asked less. Closed: each connection asks again
once it is answered, which shows the most that a server can do.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import select
import socket
import sys
import time
from array import array
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_PR_SET_TIMERSLACK = 29


@dataclass(frozen=True)
class Load:
    """What is asked, and how often.

    Attributes:
        port: of the server, on this machine.
        path: of every request.
        bodies: one after the other, and round and round.
        connections: kept open.
        rate: requests a second, of an open load; 0 is a closed one.
        seconds: that count.
        warm_seconds: before them, that do not.
        seed: of the arrivals.
    """

    port: int
    path: str
    bodies: list[str]
    connections: int
    rate: float
    seconds: float
    warm_seconds: float = 1.0
    seed: int = 0


class Connection:
    """One connection and the answer that is on its way."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.due = 0.0
        self._received = b""

    def ask(self, request: bytes, due: float) -> None:
        """Send a request; it is small, and the connection idle."""
        self.due = due
        if self.socket.send(request) != len(request):
            raise OSError("a request was not sent whole")

    def answered(self) -> bytes | None:
        """The status, once the answer is here as a whole."""
        part = self.socket.recv(1 << 20)
        if not part:
            raise OSError("the server closed a connection")
        received = self._received + part if self._received else part
        end = received.find(_END)
        at = received.lower().find(_LENGTH, 0, end) if end >= 0 else -1
        if at >= 0:
            stop = received.index(b"\r", at)
            size = int(received[at + len(_LENGTH) : stop])
            if len(received) >= end + len(_END) + size:
                self._received = b""
                return received[9:12]
        self._received = received
        return None


@dataclass
class Run:
    """What came of a load.

    Attributes:
        latencies: in seconds, in the order of the answers; those of the warm seconds
            are left out here and in ``statuses``.
        statuses: answers by status.
        seconds: from the end of the warm ones to the last answer.
        client_share: of a core, that the client itself took.
        answers: all of them.
    """

    latencies: array[float]
    statuses: dict[str, int]
    seconds: float
    client_share: float
    answers: int


def request_of(load: Load, body: str) -> bytes:
    """A request as it is sent."""
    content = body.encode()
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: 127.0.0.1:{load.port}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def run(load: Load) -> Run:
    """Ask, and wait for all that was asked."""
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1000, 0, 0, 0)  # sleeps end in time
    requests = cycle([request_of(load, body) for body in load.bodies])
    connections = [Connection(load.port) for _ in range(load.connections)]
    polled = select.epoll()
    by_file = {each.socket.fileno(): each for each in connections}
    for file in by_file:
        polled.register(file, select.EPOLLIN)
    try:
        return _Loop(load, polled, by_file).run(requests)
    finally:
        polled.close()
        for each in connections:
            each.socket.close()


class _Loop:
    def __init__(
        self, load: Load, polled: select.epoll, by_file: dict[int, Connection]
    ):
        self._load, self._polled, self._by_file = load, polled, by_file
        self._draw = random.Random(load.seed)
        self._latencies = array("d")
        self._statuses: dict[bytes, int] = {}
        self._answers = 0

    def run(self, requests: cycle[bytes]) -> Run:
        load, clock = self._load, time.perf_counter
        idle = list(self._by_file.values())
        busy = 0
        due = clock()
        counts_from = due + load.warm_seconds
        until = counts_from + load.seconds
        used = None
        while True:
            now = clock()
            if used is None and now >= counts_from:
                used = time.process_time()
            while idle and due <= now and due < until:
                idle.pop().ask(next(requests), due if load.rate else now)
                busy += 1
                due = self._next(due, now)
            if not busy and due >= until:
                break
            self._wait(due - now if idle and due < until else 10.0)
            for file, _ in self._polled.poll(0):
                connection = self._by_file[file]
                status = connection.answered()
                if status is not None:
                    self._count(status, connection.due, clock(), counts_from)
                    idle.append(connection)
                    busy -= 1
        took = clock() - counts_from
        share = (time.process_time() - (used or 0.0)) / took
        statuses = {status.decode(): n for status, n in self._statuses.items()}
        return Run(self._latencies, statuses, took, share, self._answers)

    def _next(self, due: float, now: float) -> float:
        if not self._load.rate:
            return now
        return due + self._draw.expovariate(self._load.rate)

    def _wait(self, seconds: float) -> None:
        """Until an answer comes, or so long; epoll itself knows milliseconds only."""
        select.select([self._polled.fileno()], [], [], max(seconds, 0.0))

    def _count(self, status: bytes, due: float, now: float, since: float) -> None:
        self._answers += 1
        if due >= since:
            self._latencies.append(now - due)
            self._statuses[status] = self._statuses.get(status, 0) + 1


def main() -> None:
    """Run the load that stands on stdin, and write latencies to a file."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.load")
    parser.add_argument("--latencies", type=Path, required=True)
    parser.add_argument("--core", type=int)
    args = parser.parse_args()
    if args.core is not None:
        os.sched_setaffinity(0, {args.core})
    done = run(Load(**json.load(sys.stdin)))
    args.latencies.write_bytes(done.latencies.tobytes())
    found = asdict(replace(done, latencies=array("d")))
    json.dump({**found, "latencies": str(args.latencies)}, sys.stdout)


if __name__ == "__main__":
    main()
