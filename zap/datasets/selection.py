"""What the manifest says of selection: label rates in and out, and variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Part = Mapping[str, Any]

_FLAGGED = "events.dropped.bot."


def split_parts(parts: Sequence[Part]) -> tuple[list[Part], dict[str, list[Part]]]:
    """The parts of the dataset itself, and those of each variant."""
    own = [part for part in parts if "variant" not in part]
    variants: dict[str, list[Part]] = {}
    for part in parts:
        if "variant" in part:
            variants.setdefault(part["variant"], []).append(part)
    return own, dict(sorted(variants.items()))


def describe_variants(variants: Mapping[str, Sequence[Part]]) -> dict[str, Any]:
    """Of each variant its files, touched subjects, examples and label rate."""
    found = {}
    for name, parts in variants.items():
        examples = sum(part["examples"] for part in parts)
        labels = sum(part["label_sum"] for part in parts)
        found[name] = {
            "subjects": sum(part["subjects"] for part in parts),
            "examples": examples,
            "label_rate": labels / examples if examples else None,
            "lacking": sum(part["lacking"] for part in parts),
            "parts": list(parts),
        }
    return found


def describe_selection(
    counts: Mapping[str, int], kept: Sequence[Part], binary: bool
) -> dict[str, Any]:
    """What bots were taken for, and the label rates of what was left out and kept.

    Args:
        counts: all counters.
        kept: the parts of the dataset.
        binary: whether labels are true or false, so that they have a rate.

    Returns:
        ``reasons``: of each reason the events, the subjects, their examples as if
        nothing had been flagged, and the rate of positives among these; ``kept``: the
        examples that were kept, and their rate; ``not_judged``: sessions that a rule on
        pace would have looked at, had their clock been finer; ``late_examples``: those
        that lack an event which came late.
    """
    reasons = {
        name.removeprefix(_FLAGGED): number
        for name, number in sorted(counts.items())
        if name.startswith(_FLAGGED) and number
    }
    examples = sum(part["examples"] for part in kept)
    positives = sum(part["label_sum"] for part in kept)
    return {
        "reasons": {
            reason: {
                "events": events,
                "subjects": counts.get(f"bots.subjects.{reason}", 0),
                **_rate(
                    counts.get(f"bots.examples.{reason}", 0),
                    counts.get(f"bots.positives.{reason}", 0),
                    binary,
                ),
            }
            for reason, events in reasons.items()
        },
        "kept": _rate(examples, positives, binary),
        "not_judged": counts.get("bots.rule_off.time_resolution", 0),
        "late_examples": counts.get("late.examples", 0),
    }


def _rate(examples: int, positives: float, binary: bool) -> dict[str, Any]:
    rate = positives / examples if examples and binary else None
    return {"examples": examples, "label_rate": rate}
