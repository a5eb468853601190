"""Names of steps as people read them in a runner's console.

Zap labels its own steps. Beneath a label Beam puts names of its own making, such as
``ParDo(ReadEvents)`` or ``FlatMap(<lambda at core.py:4094>)``, which change with Beam's
line numbers; they are put into words here, once the pipeline is whole.
"""

from __future__ import annotations

import re
from typing import Any

import apache_beam as beam
from apache_beam.pipeline import AppliedPTransform, PipelineVisitor

_MADE = re.compile(r"(ParDo|Map|FlatMap|Filter|CombineGlobally|Create)\((.*)\)")
_UNNAMED = {"Map": "Change", "FlatMap": "Expand", "Filter": "Choose"}


def label_readably(pipeline: beam.Pipeline) -> None:
    """Put the names that Beam made up for steps of a pipeline into words."""
    found = _Steps()
    pipeline.visit(found)
    new: dict[str, str] = {}
    for step in found.steps:
        old = step.full_label
        parent = step.parent.full_label if step.parent else ""
        above = found.old.get(id(step.parent), parent)
        own = old[len(above) + 1 :] if above else old
        label = "/".join(filter(None, (parent, readable(own))))
        if label in new:
            label = f"{label} {len(new)}"
        new[label] = old
        found.old[id(step)] = old
        step.full_label = label


def readable(name: str) -> str:
    """``ParDo(ReadEvents)`` as "Read events"; other names as they are."""
    made = _MADE.fullmatch(name)
    if not made:
        return name
    kind, inner = made.groups()
    if "<" in inner or not inner:
        return _UNNAMED.get(kind, kind)
    parts = re.findall(
        r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", inner.removesuffix("DoFn")
    )
    return " ".join(part.lower() for part in parts).capitalize() or kind


class _Steps(PipelineVisitor):
    """The steps of a pipeline, each after the one that it is a part of."""

    def __init__(self) -> None:
        self.steps: list[AppliedPTransform] = []
        self.old: dict[int, str] = {}

    def enter_composite_transform(self, step: Any) -> None:
        if step.parent is not None:
            self.steps.append(step)

    def visit_transform(self, step: Any) -> None:
        self.steps.append(step)
