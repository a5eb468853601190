"""Tiny bundles whose versions differ, for tests of registries."""

from __future__ import annotations

from pathlib import Path

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.sealed import seal

SEALED = "verification.jsonl.gz"


def made_bundle(folder: Path, number: int) -> Bundle:
    """A bundle that holds its number; made once."""
    path = folder / f"bundle-{number}"
    if path.exists():
        return Bundle.load(path)
    files = {
        "model.tflite": bytes(range(256)) * 40,
        "encoder.json": {"number": number},
        "calibrator.json": {"bias": [0.5, -0.5]},
    }
    info = {"application": "shop", "dataset": f"{number:032x}"}
    records = [{"id": str(each), "score": each / 7} for each in range(3)]
    return write_bundle(path, files, info, sealed={SEALED: seal(records)})


def number_of(bundle: Bundle) -> int:
    """The number that a made bundle holds."""
    return int(bundle.json("encoder.json")["number"])
