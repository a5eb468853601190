"""An archive with all that makes it hard to score at an instant, and random models.

Visitors log in, come back and change their devices; events come in late, twice, with
clocks that run fast, and after the instant; some see nothing that a model reads. Models
have random weights on every place of their inputs, so that any difference in what was
encoded is one in the score.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from made_rows import write_files

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.calibrators import uncalibrated
from zap.bundles.kinds import TREES
from zap.bundles.target import AMOUNT, BINARY, CLASSES, LOG, Target
from zap.encoding.aggregates import Aggregates
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, PowerBins, SincePrevious
from zap.encoding.instance import Instance
from zap.encoding.measures import distinct, gap, maximum, mean
from zap.encoding.metadata import Last, Tenure, Wait
from zap.events.mapping import EventMapping
from zap.serving.frozen import LITERT_FILE, TREES_FILE
from zap.serving.trees import Trees
from zap.times import iso

HOUR_US = 3_600_000_000
FIRST_US = 1_709_251_200_000_000  # 2024-03-01
AT_US = FIRST_US + 20 * 24 * HOUR_US
NAMES = ("very high", "high", "medium", "low", "very low")
CLASS_NAMES = ("buys", "browses", "leaves")
TARGETS = {
    BINARY: Target(),
    CLASSES: Target(CLASSES, CLASS_NAMES),
    AMOUNT: Target(AMOUNT, link=LOG, scale=10.0),
}
MAPPING = EventMapping.from_dict(
    {
        "fields": {
            "event_id": "id",
            "anonymous_id": "device",
            "user_id": "user",
            "timestamp": "time",
            "received_at": "received",
            "sequence": "number",
            "type": "event",
            "url": "url",
        },
        "properties": {"amount": {"column": "amount", "type": "float"}},
    }
)
PAGES = Instance(
    types=["view", "buy"],
    last=5,
    lookback_days=12,
    fields=[
        Hash("type"),
        Hash("url.path", repeats="drop"),
        PowerBins("amount", 2, 10, 100, 9),
        SincePrevious(1800, 7200, 864000, 12),
    ],
    metadata=[
        Last("amount", PowerBins("amount", 2, 10, 100, 9), types=["login"]),
        Tenure(3600, 7200, 864000, 8),
    ],
    hash_buckets=32,
    metadata_buckets=8,
)
WINDOWS = Instance(
    types=["view", "buy"],
    last=3,
    fields=[Hash("url.path")],
    metadata=[Tenure(3600, 7200, 864000, 8)],
    wait=Wait(1800, 7200, 864000, 12),
    aggregates=[
        Aggregates(
            [1, 7],
            of=["count", "amount", distinct("url.path"), mean("amount"), gap()],
            change=True,
            scales=[(9, False), (9, True)] * 10,
        ),
        Aggregates(
            [3], of=[maximum("amount")], by="type", types=["buy"], scales=[(50, False)]
        ),
    ],
    hash_buckets=16,
)


def scored_events(visitors: int = 1_500, seed: int = 0) -> list[dict[str, Any]]:
    """Posted events, in the order in which they were received."""
    rng = random.Random(seed)
    found: list[dict[str, Any]] = []
    for number in range(visitors):
        found += _visitor(rng, f"d{number}", f"u{number // 3}")
    rng.shuffle(found)
    for number, event in enumerate(found):
        event["sequence"] = number
    return sorted(found, key=lambda event: (event["received_at"], event["sequence"]))


def _visitor(rng: random.Random, device: str, user: str) -> list[dict[str, Any]]:
    """The events of a device, some of them of a user who has others too."""
    logs_in, only_logs_in = rng.random() < 0.4, rng.random() < 0.05
    time_us = FIRST_US + rng.randrange(24 * 24) * HOUR_US
    events = []
    for place in range(rng.choice([1, 1, 2, 3, 8, 15])):
        time_us += rng.choice([0, 1, 30, 90 * 60, 40 * 3600]) * 1_000_000
        kind = rng.choice(["view", "view", "view", "buy", "login", "search"])
        late = rng.choice([0, 0, 0, 0, 1, 60, 200 * 3600, -5])
        event = {
            "event_id": f"{device}-{place}",
            "anonymous_id": device,
            "user_id": user if logs_in and kind == "login" else None,
            "timestamp": time_us,
            "received_at": time_us + late * 1_000_000,
            "type": "search" if only_logs_in else kind,
            "url": f"https://shop.example/page/{rng.randrange(12)}?x={place}",
            "amount": rng.choice([None, None, 3.5, 7.0, rng.uniform(0, 90)]),
        }
        if time_us < AT_US and rng.random() < 0.1:  # at the very instant, or after it
            event["received_at"] = AT_US + rng.choice([0, 1])
        events.append(event)
        if rng.random() < 0.1:  # sent again, as by a page that was not told it arrived
            again = event["received_at"] + rng.choice([1, 300 * 3600]) * 1_000_000
            events.append(event | {"received_at": again})
    return events


def archive_of(folder: Path, events: Sequence[dict[str, Any]]) -> list[str]:
    """The events as files, dealt out at random."""
    rows = [
        {
            "id": event["event_id"],
            "device": event["anonymous_id"],
            "user": event["user_id"],
            "time": iso(event["timestamp"]),
            "received": iso(event["received_at"]),
            "number": event["sequence"],
            "event": event["type"],
            "url": event["url"],
            "amount": event["amount"],
        }
        for event in events
    ]
    random.Random(1).shuffle(rows)
    return write_files(folder, rows)


def known_then(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a server had been sent, and told, by the instant."""
    return [e for e in events if max(e["timestamp"], e["received_at"]) <= AT_US]


def subjects_of(events: Sequence[dict[str, Any]], field: str) -> list[str]:
    """Whom known events are about, by a plain loop."""
    known = known_then(events)
    if field != "person":
        return sorted({e[field] for e in known if e[field] is not None})
    linked = {e["anonymous_id"] for e in known if e["user_id"] is not None}
    users = {f"user:{e['user_id']}" for e in known if e["user_id"] is not None}
    alone = {f"anonymous:{e['anonymous_id']}" for e in known}
    return sorted(users | {n for n in alone if n.partition(":")[2] not in linked})


def scored_bundle(
    path: Path,
    sees: Instance,
    *,
    kind: str = BINARY,
    subject: str = "anonymous_id",
    model: str = TREES,
    seed: int = 0,
    mapping: dict[str, Any] | None = None,
    **selection: Any,
) -> Bundle:
    """A bundle whose model has random weights.

    Args:
        path: where.
        sees: the instance.
        kind: of the question.
        subject: the field of subjects.
        model: "trees" over the metadata, or "gru" over events and metadata.
        seed: of the weights.
        mapping: that it was trained with; None for ``MAPPING``.
        selection: what ``generator.json`` says of events that count.
    """
    encoder, target = Encoder(sees), TARGETS[kind]
    spec = {
        "last": encoder.instance.last,
        "event_size": encoder.event_size,
        "event_width": encoder.max_event_ones,
        "metadata_size": encoder.metadata_size,
        "metadata_width": encoder.max_metadata_ones,
    }
    rng = np.random.default_rng(seed)
    if model == TREES:
        frozen = {TREES_FILE: _stumps(rng, encoder, target.outputs).to_bytes()}
    else:
        frozen = {LITERT_FILE: _recurrence(spec, target.outputs, seed)}
    segments = [
        {"name": name, "lowest_prediction": low * (100 if kind == AMOUNT else 1)}
        for name, low in zip(NAMES, (0.55, 0.52, 0.48, 0.45, 0.0), strict=True)
    ]
    files = {
        **frozen,
        "encoder.json": encoder.to_dict(),
        "calibrator.json": uncalibrated(target).to_dict(),
        "generator.json": {
            "subject": subject,
            "name": "scored",
            "definition": None,
            "selection": {"bots": "keep", **selection},
        },
        "manifest.json": {"mapping": {"definition": mapping or MAPPING.to_dict()}},
        "metrics.json": {"segments": [] if kind == CLASSES else segments},
    }
    info = {
        "application": "scored",
        "encoder_fingerprint": encoder.fingerprint,
        "inputs": spec,
        "model": {"kind": model},
        "target": target.to_dict(),
        "generator": {"question": "What will they do?"},
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    return write_bundle(path, files, info)


def _stumps(rng: np.random.Generator, encoder: Encoder, outputs: int) -> Trees:
    """Trees of one condition each, several on every place of the metadata."""
    sums = 1 if outputs == 2 else outputs
    size = encoder.metadata_size
    feature = np.repeat(np.arange(size), 6 * sums)
    trees = len(feature)
    return Trees(
        columns=np.arange(size),
        feature=feature,
        threshold=rng.uniform(0, 1, trees),
        left_out=np.full(trees, ~np.uint64(1), np.uint64),
        first_condition=np.arange(trees),
        leaf=rng.normal(0, 0.05, 2 * trees),
        first_leaf=np.arange(0, 2 * trees, 2),
        sums=sums,
        outputs=outputs,
    )


def _recurrence(spec: dict[str, int], outputs: int, seed: int) -> bytes:
    from zap.datasets.visits import InputSpec
    from zap.training.config import ModelConfig
    from zap.training.freeze import convert
    from zap.training.model import SequenceModel

    config = ModelConfig(
        embedding=8, units=8, metadata_units=6, merged_units=8, seed=seed
    )
    return convert(SequenceModel(InputSpec(**spec), config, outputs))
