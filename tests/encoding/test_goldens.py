"""Hash buckets, bins and encoded bytes stay what they were.

A change here makes every dataset and bundle made before unusable. Where it is meant,
raise ``FORMAT`` in ``zap/encoding/encoder.py`` and write the file again with
``python tests/encoding/test_goldens.py``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zap.encoding.aggregates import Aggregates
from zap.encoding.bins import linear_edges, power_edges
from zap.encoding.columns import SparseRows
from zap.encoding.encoder import Encoder
from zap.encoding.features import (
    Hash,
    LinearBins,
    Normalize,
    OneHot,
    PowerBins,
    SincePrevious,
)
from zap.encoding.hashing import bucket
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last, Tenure, Wait

GOLDEN = Path(__file__).parents[1] / "goldens" / "encoding" / "encoder.json"

TEXTS = ["", "/", "home", "ünïcode", "日本", "a\x00b", "\ud800", "3", "true"]
POWERS = [(1, 10, 600, 40), (0.1, 0.3, 10, 9), (5, 100, 86400, 47), (1, 1, 2, 2)]
MINUTE_US = 60_000_000

INSTANCE = Instance(
    types=["view", "buy"],
    last=3,
    fields=[
        Hash("page"),
        Hash("url.segments"),
        Hash("agent.os"),
        OneHot("items", 0, 5),
        Normalize("amount", 0, 50),
        LinearBins("amount", 10, 6),
        PowerBins("amount", 1, 5, 100, 12, smooth=True),
        SincePrevious(10, 60, 3600, 20),
    ],
    metadata=[Last("plan", Hash("plan")), Tenure(60, 600, 86400, 20)],
    wait=Wait(60, 600, 86400, 20),
    aggregates=Aggregates(
        [1], of=["count", "amount"], change=True, scales=[(9, False), (9, True)] * 2
    ),
    hash_buckets=256,
    metadata_buckets=16,
)
EVENTS: list[dict[str, Any]] = [
    {"type": "view", "page": "home", "agent.os": "iOS", "plan": "free"},
    {"type": "view", "page": "/a/b", "url.segments": ["a", "b"], "agent.os": "iOS"},
    {"type": "other", "page": "never seen", "plan": "pro"},
    {"type": "buy", "items": 3, "amount": 19.99, "agent.os": "Android"},
    {"type": "view", "page": "ünïcode", "amount": 2, "items": 9, "flag": True},
]


def written() -> dict[str, Any]:
    encoder = Encoder(INSTANCE)
    timed = [{**e, "timestamp": i * i * MINUTE_US} for i, e in enumerate(EVENTS)]
    encoded = encoder.encode_instance(timed, 20 * MINUTE_US)
    return {
        "buckets": {ascii(t): bucket("page", t, 2**32) for t in TEXTS},
        "linear_edges": linear_edges(0.1, 11).tolist(),
        "power_edges": [power_edges(*p).tolist() for p in POWERS],
        "sizes": [encoder.event_size, encoder.metadata_size],
        "events": as_bytes(encoded.events),
        "metadata": as_bytes(encoded.metadata),
    }


def as_bytes(rows: SparseRows) -> dict[str, str]:
    return {
        "offsets": rows.offsets.astype("<i8").tobytes().hex(),
        "indices": rows.indices.astype("<i4").tobytes().hex(),
        "values": rows.values.astype("<f4").tobytes().hex(),
    }


@pytest.mark.parametrize("part", [*written()])
def test_a_part_is_as_it_was_written(part: str) -> None:
    found, golden = written()[part], json.loads(GOLDEN.read_text())[part]
    if part == "power_edges":
        # The last digit of a power may differ between machines: edges are stored.
        for edges, stored in zip(found, golden, strict=True):
            assert edges == pytest.approx(stored, rel=1e-12)
    else:
        assert found == golden


if __name__ == "__main__":
    GOLDEN.parent.mkdir(parents=True, exist_ok=True)
    GOLDEN.write_text(json.dumps(written(), indent=1) + "\n")
