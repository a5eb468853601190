"""Small bundles with a real model of trees, made at once, for tests of serving.

The model looks at the last known page: a place for "p", one for "q", and so on. So what
it says of a past can be worked out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.calibrators import uncalibrated
from zap.bundles.kinds import TREES
from zap.bundles.registry import Registry
from zap.bundles.target import AMOUNT, BINARY, CLASSES, LOG, Target
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import ANY, Instance
from zap.encoding.metadata import Last, Wait
from zap.serving.frozen import TREES_FILE
from zap.serving.trees import Trees

PAGES = ("p", "q", "s")
NAMES = ("very high", "high", "medium", "low", "very low")
LOWEST = (0.8, 0.6, 0.4, 0.2, 0.0)
CLASS_NAMES = ("buys", "browses", "leaves")


def instance(any_type: bool = False, wait: bool = False, last: int = 3) -> Instance:
    """What the made model may see."""
    return Instance(
        types=ANY if any_type else ["view"],
        last=last,
        fields=[Hash("type"), SincePrevious(1800, 7200, 86400, 12)],
        metadata=[Last("page", Hash("page"))],
        wait=Wait(1800, 7200, 86400, 12) if wait else False,
        hash_buckets=8,
        metadata_buckets=16,
    )


def made_bundle(
    path: Path,
    values: Sequence[Sequence[float]] = ((2.0, -1.0, 0.5, -2.0),),
    *,
    kind: str = BINARY,
    sees: Instance | None = None,
    subject: str = "anonymous_id",
    application: str = "shop",
) -> Bundle:
    """A bundle on the local disk.

    Args:
        path: where.
        values: of each sum, what each page adds, and what no page does.
        kind: of the question.
        sees: the instance.
        subject: the field of subjects.
        application: its name.
    """
    encoder = Encoder(sees or instance())
    target = {
        BINARY: Target(),
        CLASSES: Target(CLASSES, CLASS_NAMES),
        AMOUNT: Target(AMOUNT, link=LOG, scale=10.0),
    }[kind]
    segments = [
        {"name": name, "lowest_prediction": low * (100 if kind == AMOUNT else 1)}
        for name, low in zip(NAMES, LOWEST, strict=True)
    ]
    spec = {
        "last": encoder.instance.last,
        "event_size": encoder.event_size,
        "event_width": encoder.max_event_ones,
        "metadata_size": encoder.metadata_size,
        "metadata_width": encoder.max_metadata_ones,
    }
    files: Mapping[str, Any] = {
        TREES_FILE: _trees(encoder, values, target.outputs).to_bytes(),
        "encoder.json": encoder.to_dict(),
        "calibrator.json": uncalibrated(target).to_dict(),
        "generator.json": {"subject": subject, "name": application},
        "metrics.json": {"segments": [] if kind == CLASSES else segments},
    }
    info = {
        "application": application,
        "encoder_fingerprint": encoder.fingerprint,
        "inputs": spec,
        "model": {"kind": TREES},
        "target": target.to_dict(),
        "generator": {"question": f"What of {application}?"},
        "created_at": "2026-01-01T00:00:00+00:00",
    }
    return write_bundle(path, files, info)


def expected(page: str | None, values: Sequence[float]) -> float:
    """What the binary model says: the logistic of the value of the last page."""
    value = values[PAGES.index(page) if page in PAGES else len(PAGES)]
    return 1 / (1 + math.exp(-value))


def deployed(root: Path, bundle: Bundle, application: str = "shop") -> str:
    """Add a bundle to a registry and make it live; its version."""
    registry = Registry(root, application)
    version = registry.add(bundle)
    registry.deploy(version)
    return version


def place_of(encoder: Encoder, page: str) -> int:
    """Where in the metadata's vector a page is."""
    event = {"timestamp": 0, "type": "view", "page": page}
    return int(encoder.encode_instance([event], 0).metadata.indices[0])


def _trees(encoder: Encoder, values: Sequence[Sequence[float]], outputs: int) -> Trees:
    """For each sum a tree a page: its value if the page is the last, else 0."""
    places = [place_of(encoder, page) for page in PAGES]
    assert len(set(places)) == len(PAGES), "choose other pages: these share a bucket"
    columns = np.array(sorted(places))
    feature, leaf = [], []
    sums = len(values)
    for number, place in enumerate(places):
        for each in values:
            feature.append(int(np.searchsorted(columns, place)))
            none = each[-1] / len(PAGES)
            leaf += [none, each[number] - 2 * none]
    trees = len(feature)
    return Trees(
        columns=columns,
        feature=np.array(feature),
        threshold=np.full(trees, 0.5),
        left_out=np.full(trees, ~np.uint64(1), np.uint64),
        first_condition=np.arange(trees),
        leaf=np.array(leaf),
        first_leaf=np.arange(0, 2 * trees, 2),
        sums=sums,
        outputs=outputs,
    )
