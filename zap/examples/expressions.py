"""Typed expressions on the past and on the future of a cutoff.

``past()`` and ``in_session()`` lead to a `PastExpr`, ``future()`` and
``rest_of_session()`` to a `FutureExpr`. The two cannot be mixed, and a generator
accepts each only where it belongs, so that what a model reads cannot look ahead by
mistake. An expression is data: it round-trips through JSON and is compiled to columnar
work (`zap.examples.evaluate`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from zap.encoding.instance import ANY
from zap.errors import GeneratorError
from zap.examples.predicates import Condition, Event, event
from zap.times import duration_us

Kind = Literal["bool", "number", "value"]

_KINDS: dict[str, Kind] = {
    "any": "bool",
    "none": "bool",
    "count": "number",
    "sum": "number",
    "duration": "number",
    "since": "number",
    "last": "value",
    "compare": "bool",
    "and": "bool",
    "or": "bool",
    "not": "bool",
}
ANY_EVENT = event(ANY)


@dataclass(frozen=True)
class Window:
    """A span of the past or the future of a cutoff.

    Attributes:
        side: "past" or "future".
        session: whether the span ends at the edge of the cutoff's session.
        length_us: microseconds from the instant (past: back); None: no limit.
        gap_us: dead time between the instant and the span (future only).
    """

    side: Literal["past", "future"]
    session: bool = False
    length_us: int | None = None
    gap_us: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The window as a JSON object."""
        return {
            "side": self.side,
            "session": self.session,
            "length_us": self.length_us,
            "gap_us": self.gap_us,
        }


@dataclass(frozen=True)
class Expr:
    """A node of an expression; see `PastExpr` and `FutureExpr` for the two kinds.

    Attributes:
        op: what it computes: any, none, count, sum, duration, since, last, compare,
            and, or, not.
        window: the span that it looks at (none for compare, and, or, not).
        event: the events that count.
        field: the field that is summed, or whose last value is wanted.
        default: the value of ``last`` where there is none.
        condition: what ``compare`` asks of its operand.
        operands: the expressions that it combines.
    """

    op: str
    window: Window | None = None
    event: Event | None = None
    field: str | None = None
    default: Any = None
    condition: Condition | None = None
    operands: tuple[Expr, ...] = ()

    side: ClassVar[str] = "either"

    def __post_init__(self) -> None:
        for operand in self.operands:
            if type(operand) is not type(self):
                raise GeneratorError(
                    "An expression is about the past or about the future, not both. "
                    f"Received: {self.side} {self.op} with a {operand.side} operand. "
                    "Put what the model may know into eligible or statistics, and what "
                    "it should predict into label."
                )

    @property
    def kind(self) -> Kind:
        """What it gives: "bool", "number", or the "value" of a field."""
        return _KINDS[self.op]

    def _compare(self, op: str, value: Any) -> Self:
        if self.kind == "bool":
            raise GeneratorError(
                f"{self.op}() gives true or false and cannot be compared. Received: "
                f"{op}={value!r}. Use count() for a number, ~ to negate."
            )
        return type(self)("compare", condition=Condition(op, value), operands=(self,))

    def __gt__(self, value: float) -> Self:
        return self._compare("gt", value)

    def __ge__(self, value: float) -> Self:
        return self._compare("ge", value)

    def __lt__(self, value: float) -> Self:
        return self._compare("lt", value)

    def __le__(self, value: float) -> Self:
        return self._compare("le", value)

    def equals(self, value: Any) -> Self:
        """Whether the number or value equals ``value``."""
        return self._compare("equals", value)

    def one_of(self, *values: Any) -> Self:
        """Whether the number or value is among ``values``."""
        return self._compare("one_of", values)

    def _logic(self, op: str, *operands: Expr) -> Self:
        for operand in operands:
            if not isinstance(operand, Expr) or operand.kind != "bool":
                raise GeneratorError(
                    f"{op!r} combines expressions that are true or false. "
                    f"Received: {operand!r}. Compare numbers first: "
                    "(count >= 3), or count.equals(3)."
                )
        return type(self)(op, operands=operands)

    def __and__(self, other: Expr) -> Self:
        return self._logic("and", self, other)

    def __or__(self, other: Expr) -> Self:
        return self._logic("or", self, other)

    def __invert__(self) -> Self:
        return self._logic("not", self)

    def __bool__(self) -> bool:
        raise GeneratorError(
            "An expression has no truth value of its own: it is computed for each "
            "cutoff. Use & | ~ instead of and, or, not."
        )

    def walk(self) -> Iterator[Expr]:
        """This node and all below it."""
        yield self
        for operand in self.operands:
            yield from operand.walk()

    def fields(self) -> set[str]:
        """Names of the fields that it reads, besides the type."""
        names = {node.field for node in self.walk() if node.field}
        events = (node.event for node in self.walk() if node.event)
        return names.union(*(found.fields() for found in events))

    def to_dict(self) -> dict[str, Any]:
        """The expression as a JSON object; keys without a value are left out."""
        condition = self.condition
        full: dict[str, Any] = {
            "op": self.op,
            "window": self.window and self.window.to_dict(),
            "event": self.event and self.event.to_dict(),
            "field": self.field,
            "default": self.default,
            "condition": condition and [condition.op, condition.value],
            "operands": [operand.to_dict() for operand in self.operands],
        }
        return {key: value for key, value in full.items() if value not in (None, [])}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The expression that ``to_dict`` described; of this class's side.

        Raises:
            GeneratorError: the object describes an expression of the other side.
        """
        window = Window(**data["window"]) if "window" in data else None
        if window and window.side != cls.side:
            raise GeneratorError(
                f"Expected an expression on the {cls.side}. "
                f"Received: side={window.side!r}."
            )
        condition = None
        if "condition" in data:
            op, value = data["condition"]
            condition = Condition(op, tuple(value) if op == "one_of" else value)
        return cls(
            data["op"],
            window=window,
            event=Event.from_dict(data["event"]) if "event" in data else None,
            field=data.get("field"),
            default=data.get("default"),
            condition=condition,
            operands=tuple(cls.from_dict(each) for each in data.get("operands", ())),
        )


class PastExpr(Expr):
    """What is known at the cutoff: for eligible, statistics and weight."""

    side = "past"


class FutureExpr(Expr):
    """What happens after the cutoff: for label only."""

    side = "future"

    def observes_us(self) -> int | None:
        """Microseconds after the instant that must be observed; None: not by time."""
        ends = [
            node.window.gap_us + node.window.length_us
            for node in self.walk()
            if node.window and node.window.length_us is not None
        ]
        return max(ends, default=None)

    def observes_session(self) -> bool:
        """Whether it needs the end of the cutoff's session."""
        return any(node.window and node.window.session for node in self.walk())


SideExpr = TypeVar("SideExpr", PastExpr, FutureExpr)


@dataclass(frozen=True)
class Span(Generic[SideExpr]):
    """A window, and what can be asked of the events in it."""

    window: Window
    expr: type[SideExpr]

    def any(self, what: Event) -> SideExpr:
        """Whether an event of ``what`` lies in the window."""
        return self.expr("any", self.window, what)

    def none(self, what: Event) -> SideExpr:
        """Whether no event of ``what`` lies in the window."""
        return self.expr("none", self.window, what)

    def count(self, what: Event = ANY_EVENT) -> SideExpr:
        """How many events of ``what`` lie in the window."""
        return self.expr("count", self.window, what)

    def sum(self, field: str, what: Event = ANY_EVENT) -> SideExpr:
        """The sum of a numeric field over the events of ``what``, in millionths."""
        return self.expr("sum", self.window, what, field=field)


class PastSpan(Span[PastExpr]):
    """A window on the past."""

    def last(self, field: str, default: Any = None) -> PastExpr:
        """The last known value of a field, else ``default``."""
        return self.expr("last", self.window, field=field, default=default)

    def duration(self) -> PastExpr:
        """Seconds from the first to the last event in the window."""
        return self.expr("duration", self.window)

    def since(self, what: Event = ANY_EVENT) -> PastExpr:
        """Seconds from the last event of ``what`` to the instant; -1 if none."""
        return self.expr("since", self.window, what)


def past(**length: float) -> PastSpan:
    """The past, or its last ``days=`` (weeks, hours, minutes, seconds)."""
    return PastSpan(Window("past", length_us=duration_us("past()", **length)), PastExpr)


def in_session() -> PastSpan:
    """The part of the past that lies in the cutoff's session."""
    return PastSpan(Window("past", session=True), PastExpr)


def future(*, gap_days: float = 0, **length: float) -> Span[FutureExpr]:
    """The future from the instant (plus a gap) for ``days=`` (weeks, hours, ...).

    Args:
        gap_days: dead time between the instant and the window, in days.
        **length: the horizon.

    Raises:
        GeneratorError: no horizon is given: a label must know how far it looks.
    """
    horizon = duration_us("future()", **length)
    if horizon is None:
        raise GeneratorError(
            "future() needs a horizon, such as future(days=30), so that Zap knows how "
            "long a label must be observed. Received: none. For the rest of a visit "
            "use rest_of_session()."
        )
    gap = duration_us("gap_days", days=gap_days) if gap_days else 0
    return Span(Window("future", length_us=horizon, gap_us=gap or 0), FutureExpr)


def rest_of_session() -> Span[FutureExpr]:
    """What comes after the cutoff in its session."""
    return Span(Window("future", session=True), FutureExpr)
