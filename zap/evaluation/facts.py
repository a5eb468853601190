"""The sections of a report that say what was judged: data, encoding, model, versions.

They take whatever mappings the stages wrote into their manifests and show all of it:
known names in plain words, others spelled out, nothing left away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from zap.evaluation.page import Section, paragraph, side_by_side, table
from zap.evaluation.words import (
    counter_thing,
    counter_words,
    flatten,
    percent,
    spell,
    value,
)

Facts = Mapping[str, Any]

_SHARES = ("rate", "share", "sparsity")


def data(facts: Facts) -> Section | None:
    """Where the examples come from: input, observed range, splits, counters."""
    named = _named("", facts.get("data"))
    splits = _splits(facts.get("splits") or {})
    counters = _counters(facts.get("counters") or {})
    if not named + splits + counters:
        return None
    return Section("data", "The data", named + splits + counters)


def _splits(splits: Facts) -> str:
    if not splits:
        return ""
    columns = list(dict.fromkeys(key for split in splits.values() for key in split))
    rows = [
        [spell(name), *(_shown(key, split.get(key)) for key in columns)]
        for name, split in splits.items()
    ]
    return "<h3>Splits</h3>" + table(["", *map(spell, columns)], rows)


def _counters(counters: Facts) -> str:
    if not counters:
        return ""
    groups: dict[str, list[list[str]]] = {}
    for name, count in flatten(counters):
        row = [counter_words(name), value(count)]
        groups.setdefault(counter_thing(name), []).append(row)
    rows = [row for thing, counted in groups.items() for row in [[thing], *counted]]
    return (
        "<h3>What was counted</h3>"
        + paragraph("Nothing is left out silently: whatever was dropped is here.")
        + table([], rows)
    )


def encoding(facts: Facts) -> Section | None:
    """How events became numbers, as measured."""
    measured = facts.get("encoder")
    if not measured:
        return None
    body = paragraph(
        "Texts are put into hash buckets. Collision rate: the share of texts in a "
        "vector that fall into a bucket that is taken already; sparsity: the share of "
        "zeros. About 10 % and 80 % is a good working point; more buckets lower the "
        "first and raise the second."
    )
    return Section("encoding", "The encoding", body + _table(measured))


def model(facts: Facts) -> Section | None:
    """The question's definition, the model's settings and its calibration."""
    definition = _named("Generator", facts.get("generator"))
    settings = _named("Settings", facts.get("config"))
    calibrated = _named("Calibration", facts.get("calibration"))
    if not definition + settings + calibrated:
        return None
    body = side_by_side(definition, settings + calibrated)
    return Section("model", "The model", body)


def versions(facts: Facts) -> Section | None:
    """Versions of what the result depends on."""
    found = facts.get("versions")
    return Section("versions", "Versions", _table(found)) if found else None


def others(facts: Facts, shown: Iterable[str]) -> list[Section]:
    """A section for each mapping among ``facts`` whose name is not in ``shown``."""
    known = set(shown)
    return [
        Section(f"fact-{place}", spell(name), _table(item))
        for place, (name, item) in enumerate(facts.items())
        if name not in known and isinstance(item, Mapping) and item
    ]


def _named(title: str, found: Facts | None) -> str:
    if not found:
        return ""
    return (f"<h3>{title}</h3>" if title else "") + _table(found)


def _table(found: Facts) -> str:
    rows = [[spell(name), _shown(name, item)] for name, item in flatten(found)]
    return table([], rows, numbers_from=2)


def _shown(name: str, item: Any) -> str:
    last = name.rsplit(".", 1)[-1]
    is_share = any(word in last.split("_") for word in _SHARES)
    if is_share and isinstance(item, float) and last != "learning_rate":
        return percent(item)
    return value(item)
