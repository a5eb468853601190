"""What of a generator can be checked as soon as its class is defined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zap.encoding.instance import Instance
from zap.errors import GeneratorError
from zap.examples.bots import DROP, KEEP, Bots
from zap.examples.expressions import FutureExpr, PastExpr
from zap.examples.labels import Classes, kind_schema
from zap.examples.rules import CutoffRule

if TYPE_CHECKING:
    from zap.examples.generator import Generator


def check_definition(cls: type[Generator]) -> None:
    """Checks a generator's class as far as that needs no events.

    Raises:
        GeneratorError: what is missing, or in the wrong half.
    """
    generator = cls()
    methods = generator.methods()
    _require(cls, "instance", isinstance(getattr(cls, "instance", None), Instance))
    _require(
        cls, "cutoffs", isinstance(cls.cutoffs, CutoffRule) or "is_cutoff" in methods
    )
    _require(
        cls,
        "eligible",
        cls.eligible is None
        or "eligible" in methods
        or (isinstance(cls.eligible, PastExpr) and cls.eligible.kind == "bool"),
    )
    label = getattr(cls, "label", None)
    _require(
        cls, "label", isinstance(label, FutureExpr | Classes) or "label" in methods
    )
    if "label" in methods:
        window = getattr(cls.horizon, "window", None)
        _require(cls, "horizon", getattr(window, "side", None) == "future")
        _require(cls, "label_kind", kind_schema(cls.label_kind) is not None)
    else:
        _require_no_kind(cls)
    if isinstance(label, FutureExpr):
        _require(cls, "label", label.kind != "value")
    for expr in cls.statistics.values():
        _require(cls, "statistics", isinstance(expr, PastExpr))
    _require(cls, "weight", cls.weight is None or isinstance(cls.weight, PastExpr))
    _check_wait(cls, "is_cutoff" in methods)
    _check_sessions(cls, generator)
    _require(cls, "bots", isinstance(cls.bots, Bots) or cls.bots in (DROP, KEEP))


def _require_no_kind(cls: type[Generator]) -> None:
    """An expression says itself what it gives."""
    if cls.label_kind != "binary":
        raise GeneratorError(
            f"{cls.__name__}.label_kind is for a label method; an expression says "
            f"itself what it gives. Received: label_kind={cls.label_kind!r}. Leave it "
            'out, or set label_kind = "binary" where a base class has another.'
        )


_EXPECTED = {
    "instance": "an Instance(...): what the model may see of the past",
    "cutoffs": "a cutoff rule such as each(...), nth(...) or monthly(...), or a method "
    "is_cutoff(self, past)",
    "eligible": "an expression on the past that is true or false, such as "
    "past().any(...), or a method eligible(self, past)",
    "label": "an expression on the future such as future(days=30).any(...), or a "
    "method label(self, future)",
    "label_kind": '"binary", "amount", or a list of two or more different names of '
    "classes, for what the label method returns",
    "horizon": "a window on the future, such as future(days=30), for the label method",
    "statistics": "expressions on the past, such as past().count(...)",
    "weight": "an expression on the past, such as past().count(...)",
    "bots": '"drop" or "keep", or Bots(...)',
}


def _require(cls: type[Generator], attribute: str, holds: bool) -> None:
    if not holds:
        value = getattr(cls, attribute, None)
        fix = " == compares at once: write .equals(...)." if value is False else ""
        raise GeneratorError(
            f"{cls.__name__}.{attribute} must be {_EXPECTED[attribute]}. "
            f"Received: {attribute}={value!r}.{fix}"
        )


def _check_wait(cls: type[Generator], custom: bool) -> None:
    timed = cls.cutoffs is not None and cls.cutoffs.timed and not custom
    if cls.instance.wait and not timed:
        raise GeneratorError(
            f"{cls.__name__}.instance has wait=True, but its cutoffs lie after events, "
            "where the wait is always 0 in training and never in serving. "
            "Received: wait=True. Use it only with at(), monthly(), daily() or after()."
        )


def _check_sessions(cls: type[Generator], generator: Generator) -> None:
    if generator.observes_session() and cls.session is None:
        raise GeneratorError(
            f"{cls.__name__}.label looks at the rest of the session, but no session is "
            "declared. Received: session=None. Set session = InactivityGap(minutes=30)"
            ", or WholeHistory() for data of finished visits."
        )
