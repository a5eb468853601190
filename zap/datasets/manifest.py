"""The manifest: what a dataset holds, how it was made, and what was left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from zap import __version__
from zap.datasets.digest import add_digests, shown
from zap.datasets.selection import (
    describe_selection,
    describe_variants,
    split_parts,
)
from zap.datasets.splits import SPLITS, Split
from zap.datasets.tfexample import FORMAT_VERSION
from zap.datasets.visits import InputSpec
from zap.encoding.encoder import Encoder
from zap.encoding.measured import measured_rates
from zap.events.agents import agent_parser_version
from zap.events.bots import bot_list_version
from zap.events.mapping import EventMapping
from zap.events.sources import Source
from zap.examples.generator import Generator
from zap.examples.moments import MOMENT_COLUMNS
from zap.examples.observed import ObservedRange
from zap.examples.slicing import BASELINE_COLUMNS

PACKAGES = ("numpy", "mmh3", "pyarrow", "apache-beam", "tfx-bsl")
_ENCODING = "encoding."


def make_manifest(
    generator: Generator,
    mapping: EventMapping,
    sources: Sequence[Source],
    observed: ObservedRange,
    split: Split,
    encoder: Encoder,
    parts: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
    layout: str,
    compression: str,
) -> dict[str, Any]:
    """All that a reader, a trainer and a report need to know of a dataset."""
    parts = sorted(parts, key=lambda part: str(part["path"]))
    ordered, variants = split_parts(parts)
    binary = generator.label_schema()["kind"] == "binary"
    return {
        "format_version": FORMAT_VERSION,
        "generator": describe_generator(generator),
        "label": generator.label_schema(),
        "mapping": {"digest": mapping.digest(), "definition": mapping.to_dict()},
        "sources": [_said(source) for source in sources],
        "observed": observed.to_dict(),
        "split": split.to_dict(),
        "layout": layout,
        "compression": compression,
        "instance_fingerprint": generator.instance.fingerprint,
        "encoder_fingerprint": encoder.fingerprint,
        "inputs": input_spec(encoder).to_dict(),
        "encoding": measured(counts),
        "statistics": sorted(generator.statistics),
        "statistics_kinds": {n: e.kind for n, e in generator.statistics.items()},
        "baseline": sorted(BASELINE_COLUMNS),
        "moment": sorted(MOMENT_COLUMNS),
        "counts": {
            name: number
            for name, number in sorted(counts.items())
            if number and not name.startswith(_ENCODING)
        },
        "splits": {name: describe_split(ordered, name) for name in SPLITS},
        "parts": ordered,
        "variants": describe_variants(variants),
        "selection": describe_selection(counts, ordered, binary),
        "digest": shown(add_digests(int(part["digest"], 16) for part in ordered)),
        "versions": versions(),
    }


def _said(source: Source) -> dict[str, Any]:
    """What is remembered of a source: enough to tell it from others, and read it again.

    Of a table that is which rows, and as of when.
    """
    said = {"path": source.path, "digest": source.digest, "bytes": source.size_bytes}
    if source.table is None:
        return said
    read = json.loads(source.table)
    return {**said, "rows": read["restriction"], "snapshot_us": read["snapshot_us"]}


def describe_generator(generator: Generator) -> dict[str, Any]:
    """The generator's name, question and digest, and its JSON form if it has one.

    Of one with Python methods, which has none, ``selection`` says which events counted.
    """
    rule = generator.rule()
    selection = {"selection": generator.selection()} if generator.methods() else {}
    return {
        "name": generator.name,
        "question": generator.question,
        "subject": generator.subject,
        "digest": generator.digest(),
        "anticipating": rule.anticipating if rule else False,
        "repaired_by_weight": rule.repaired_by_weight if rule else False,
        "definition": None if generator.methods() else generator.to_dict(),
        **selection,
    }


def describe_split(
    parts: Sequence[Mapping[str, Any]], split: str
) -> dict[str, int | float | None]:
    """Examples, subjects and the mean label of one split."""
    own = [part for part in parts if part["split"] == split]
    total = {
        name: sum(part[name] for part in own)
        for name in ("examples", "visits", "subjects", "events", "bytes")
    }
    labels = sum(part["label_sum"] for part in own)
    return {
        **total,
        "label_rate": labels / total["examples"] if total["examples"] else None,
    }


def input_spec(encoder: Encoder) -> InputSpec:
    """The shape of what a model reads with this encoder."""
    return InputSpec(
        last=encoder.instance.last,
        event_size=encoder.event_size,
        event_width=encoder.max_event_ones,
        metadata_size=encoder.metadata_size,
        metadata_width=encoder.max_metadata_ones,
    )


def measured(counts: Mapping[str, int]) -> dict[str, float | None]:
    """Collision rate and sparsity as measured on the examples' events."""
    names = ("events", "places", "entries", "hashed_strings", "hashed_places")
    found = {n: counts.get(f"{_ENCODING}{n}", 0) for n in (*names, "hashed_entries")}
    return measured_rates(found)


def versions() -> dict[str, str]:
    """Versions of all that has a say in the examples' bytes."""
    found = {"zap": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found | {
        "bot_list": bot_list_version(),
        "agent_parser": agent_parser_version(),
    }
