"""What a server under test sends: its bytes to their end, and its metrics by name."""

from __future__ import annotations

import socket

from prometheus_client.parser import text_string_to_metric_families


def read_all(sock: socket.socket) -> bytes:
    """All bytes until the other side closes."""
    found = b""
    while True:
        try:
            part = sock.recv(65536)
        except ConnectionResetError:
            return found
        if not part:
            return found
        found += part


def samples_of(metrics: bytes, family: str) -> dict[tuple[str, ...], float]:
    """Samples of a metric by their labels' values, in the order of their names."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for one in text_string_to_metric_families(metrics.decode())
        if one.name == family
        for sample in one.samples
    }
