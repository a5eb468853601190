"""What a label may be: a yes or no, one of several classes, or an amount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.encoding.columns import Cutoffs, FloatArray
from zap.errors import GeneratorError
from zap.examples.evaluate import Context, numbers, truth
from zap.examples.expressions import FutureExpr


@dataclass(frozen=True)
class Classes:
    """A label with several classes: the first whose expression is true.

    Attributes:
        choices: (name, expression) pairs.
        otherwise: the class where none is true.
    """

    choices: tuple[tuple[str, FutureExpr], ...]
    otherwise: str = "other"

    @property
    def names(self) -> tuple[str, ...]:
        """The classes in the order of their numbers."""
        return (*(name for name, _ in self.choices), self.otherwise)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        choices = [[name, expr.to_dict()] for name, expr in self.choices]
        return {"classes": choices, "otherwise": self.otherwise}


def classes(otherwise: str = "other", **choices: FutureExpr) -> Classes:
    """A label with K classes: the first of ``choices`` that is true.

    Args:
        otherwise: the class where none is true.
        **choices: the classes by name.

    Raises:
        GeneratorError: no choice is given, or one is not a true-or-false expression on
            the future.
    """
    for name, expr in choices.items():
        if not isinstance(expr, FutureExpr) or expr.kind != "bool":
            raise GeneratorError(
                "classes() takes expressions on the future that are true or false. "
                f"Received: {name}={expr!r}."
            )
    if not choices or otherwise in choices:
        raise GeneratorError(
            "classes() takes one or more named choices besides otherwise. "
            f"Received: choices={list(choices)}, otherwise={otherwise!r}."
        )
    return Classes(tuple(choices.items()), otherwise)


Label = FutureExpr | Classes


def label_from_dict(data: Mapping[str, Any]) -> Label:
    """The label that ``to_dict`` described."""
    if "classes" in data:
        choices = ((n, FutureExpr.from_dict(e)) for n, e in data["classes"])
        return Classes(tuple(choices), data["otherwise"])
    return FutureExpr.from_dict(data)


def label_expressions(label: Label) -> tuple[FutureExpr, ...]:
    """The expressions that a label is made of."""
    if isinstance(label, Classes):
        return tuple(expr for _, expr in label.choices)
    return (label,)


def label_schema(label: Label) -> dict[str, Any]:
    """What the numbers of a label mean: its kind, and the classes' names."""
    if isinstance(label, Classes):
        return {"kind": "classes", "classes": list(label.names)}
    return {"kind": "binary" if label.kind == "bool" else "amount"}


LabelKind = str | Sequence[str]

_LARGEST = float(np.finfo(np.float32).max)  # as labels are stored


def kind_schema(kind: LabelKind) -> dict[str, Any] | None:
    """What the values of a label method mean; None where ``kind`` says nothing.

    Args:
        kind: "binary", "amount", or the names of the classes.
    """
    if isinstance(kind, str):
        return {"kind": kind} if kind in ("binary", "amount") else None
    if not isinstance(kind, Sequence):
        return None
    names = list(kind)
    known = all(isinstance(name, str) and name for name in names)
    if not known or len(names) < 2 or len(set(names)) < len(names):
        return None
    return {"kind": "classes", "classes": names}


def method_value(value: Any, schema: Mapping[str, Any]) -> float:
    """The number of what a label method returned.

    Args:
        value: a truth value, an amount, or a class by its name or number.
        schema: of ``kind_schema``.

    Raises:
        ValueError: it is not of the kind that the schema says.
    """
    if schema["kind"] != "classes":
        amount = float(value)
        if abs(amount) > _LARGEST:
            raise ValueError(f"a label is a number of at most 3.4e38, not {amount!r}")
        return amount
    names = schema["classes"]
    if isinstance(value, str) and value in names:
        return float(names.index(value))
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if number and 0 <= value < len(names):
        return float(value)
    raise ValueError(
        f"a label of classes is one of {', '.join(names)} or its number, not {value!r}"
    )


def label_values(label: Label, context: Context, cutoffs: Cutoffs) -> FloatArray:
    """The label of each cutoff: 0 or 1, the number of a class, or an amount."""
    if isinstance(label, FutureExpr):
        return numbers(label, context, cutoffs, "label")
    values = np.full(len(cutoffs), float(len(label.choices)))
    for number, (_, expr) in reversed(list(enumerate(label.choices))):
        values[truth(expr, context, cutoffs)] = number
    return values
