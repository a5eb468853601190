"""The example generator: the only code that is written for one site and one question.

A generator has two halves. ``instance`` is data and is all that serving gets;
``cutoffs``, ``eligible``, ``label``, ``statistics`` and ``weight`` are for training
only. Each is an expression or, as the way out, a plain Python method. All checks that
need no events are made when the class is defined.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from zap.encoding.instance import Instance
from zap.errors import GeneratorError
from zap.examples.bots import DROP, Bots, bot_rules, bots_to_json
from zap.examples.definition import check_definition
from zap.examples.expressions import Expr, FutureExpr, PastExpr
from zap.examples.labels import (
    Classes,
    Label,
    LabelKind,
    kind_schema,
    label_expressions,
    label_schema,
)
from zap.examples.predicates import Event
from zap.examples.rules import CutoffRule, Sample
from zap.examples.sessions import Sessions
from zap.examples.timed_rules import Daily
from zap.histories.build import HistorySettings

METHODS = ("is_cutoff", "eligible", "label")


class Generator:
    """Base of all example generators; subclass it and set these attributes.

    Attributes:
        subject: whom the prediction is about: a canonical field, a property, or
            "person": a user with the visitors that the user was before.
        owner: another field, for assignment to groups; optional.
        session: how histories are cut into sessions; none by default.
        cutoffs: where predictions would have been made. In place of it, a method
            ``is_cutoff(self, past) -> bool``, asked after every event.
        eligible: an expression on the past that must hold; or a method
            ``eligible(self, past) -> bool``.
        label: an expression on the future; or a method ``label(self, future) -> value``
            together with ``horizon``.
        label_kind: for a label method: what it returns: "binary" (the default),
            "amount", or a list of names where it returns a class, by name or number.
        horizon: for a label method: the window that it is shown, such as
            ``future(days=30)`` or ``rest_of_session()``.
        instance: what the model may see of the past.
        statistics: expressions on the past by name, stored in each example.
        weight: an expression on the past; 1 by default.
        exclude: named predicates of events that no real user made.
        bots: "drop" for events of known crawlers, "keep", or ``Bots(...)``.
        max_events: most events of a session, after cleaning.
        max_subject_events: most events of a subject, as read.
        drop_repeated_events: whether an event goes that equals the one before it.
        mapping: file name of the mapping, beside the generator's own file.
        data: file name of data that ships with the generator; optional.
        time_splits: whether the timestamps are real, so that data may be split by time.

    Example:
        >>> from zap.examples import *
        >>> class Returns(Generator):
        ...     '''Will the visitor come back within a week?'''
        ...     cutoffs = nth(event("page_view"), 3)
        ...     label = future(days=7).any(event("page_view"))
        ...     instance = Instance(types=("page_view",), fields=(Hash("url.path"),))
        >>> Returns().name
        'returns'
    """

    subject: ClassVar[str] = "anonymous_id"
    owner: ClassVar[str | None] = None
    session: ClassVar[Sessions | None] = None
    cutoffs: ClassVar[CutoffRule | None] = None
    eligible: ClassVar[PastExpr | Callable[..., bool] | None] = None
    label: ClassVar[Label | Callable[..., Any]]
    label_kind: ClassVar[LabelKind] = "binary"
    horizon: ClassVar[Any] = None
    instance: ClassVar[Instance]
    statistics: ClassVar[Mapping[str, PastExpr]] = {}
    weight: ClassVar[PastExpr | None] = None
    exclude: ClassVar[Mapping[str, Event]] = {}
    bots: ClassVar[str | Bots] = DROP
    max_events: ClassVar[int] = 1_000
    max_subject_events: ClassVar[int] = 100_000
    drop_repeated_events: ClassVar[bool] = False
    mapping: ClassVar[str | None] = None
    data: ClassVar[str | None] = None
    time_splits: ClassVar[bool] = True

    def __init_subclass__(cls, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not abstract:
            check_definition(cls)

    @property
    def name(self) -> str:
        """The generator's name: the class's in snake_case."""
        return snake_case(type(self).__name__)

    @property
    def question(self) -> str:
        """The first line of the class's docstring."""
        own = type(self).__mro__[: type(self).__mro__.index(Generator)]
        said = next((each.__doc__ for each in own if each.__doc__), self.name)
        return (inspect.cleandoc(said) or self.name).splitlines()[0]

    def settings(self) -> HistorySettings:
        """How histories are made for this generator."""
        bots = self.bot_rules()
        return HistorySettings(
            subject=self.subject,
            session_gap_us=self.session.gap_us if self.session else None,
            max_events=self.max_events,
            max_subject_events=self.max_subject_events,
            drop_repeated_events=self.drop_repeated_events,
            bots=bots.session_rules() if bots else None,
        )

    def bot_rules(self) -> Bots | None:
        """What counts as a bot's event; None keeps all."""
        return bot_rules(self.bots)

    def rule(self) -> CutoffRule | None:
        """The cutoff rule; a daily one is bound to the activity that eligible asks."""
        rule, eligible = self.cutoffs, self.eligible
        if not isinstance(eligible, PastExpr) or rule is None:
            return rule
        active = next(_activities(eligible), None)
        return _bound_to_activity(rule, active) if active else rule

    def methods(self) -> dict[str, Callable[..., Any]]:
        """The plain Python methods that the class defines, by name."""
        found = {name: getattr(self, name, None) for name in METHODS}
        return {name: it for name, it in found.items() if inspect.ismethod(it)}

    def label_schema(self) -> dict[str, Any]:
        """What the numbers of the label mean."""
        if "label" in self.methods():
            schema = kind_schema(self.label_kind)
            assert schema is not None  # checked when the class was defined
            return schema
        return label_schema(self.label)  # type: ignore[arg-type]

    def use_instance(self, instance: Instance) -> None:
        """Put a fitted instance in place of the declared one, on this object alone."""
        self.instance = instance  # type: ignore[misc]

    def expressions(self) -> list[Expr]:
        """All expressions of the declarative half."""
        found: list[Expr] = [*self.statistics.values()]
        found += [e for e in (self.eligible, self.weight) if isinstance(e, Expr)]
        if isinstance(self.label, FutureExpr | Classes):
            found += label_expressions(self.label)
        return found

    def predicates(self) -> list[Event]:
        """The predicates of the cutoff rule and of all expressions."""
        rule = self.rule()
        nodes = (node for expr in self.expressions() for node in expr.walk())
        return [*(rule.events if rule else ()), *(n.event for n in nodes if n.event)]

    def fields(self) -> set[str] | None:
        """The fields of events that the generator reads; None: it may read any."""
        if self.methods():
            return None
        names = {*self.instance.reads.fields}
        names.update(*(expr.fields() for expr in self.expressions()))
        names.update(*(found.fields() for found in self._events()))
        return names

    def _events(self) -> list[Event]:
        rule, bots = self.rule(), self.bot_rules()
        found = [*(rule.events if rule else ()), *self.exclude.values()]
        return [*found, *(bots.events() if bots else ())]

    def observes_us(self) -> int:
        """Microseconds after the instant that a label must have observed."""
        if isinstance(self.label, FutureExpr | Classes):
            windows = [expr.observes_us() for expr in label_expressions(self.label)]
        else:
            windows = [
                (self.horizon.window.length_us or 0) + self.horizon.window.gap_us
            ]
        return max((each or 0 for each in windows), default=0)

    def observes_session(self) -> bool:
        """Whether a label needs the end of the cutoff's session."""
        if isinstance(self.label, FutureExpr | Classes):
            return any(e.observes_session() for e in label_expressions(self.label))
        return bool(self.horizon.window.session)

    def to_dict(self) -> dict[str, Any]:
        """The declarative form as a JSON object.

        Raises:
            GeneratorError: the generator has Python methods, which JSON cannot hold.
        """
        if self.methods():
            raise GeneratorError(
                f"{self.name} has Python methods and no JSON form. "
                f"Received: methods={sorted(self.methods())}."
            )
        assert self.cutoffs is not None and isinstance(self.label, FutureExpr | Classes)
        eligible, weight = self.eligible, self.weight
        return {
            "name": self.name,
            "question": self.question,
            "subject": self.subject,
            "owner": self.owner,
            "cutoffs": self.cutoffs.to_dict(),
            "eligible": eligible.to_dict() if isinstance(eligible, PastExpr) else None,
            "label": self.label.to_dict(),
            "instance": self.instance.to_dict(),
            "statistics": {n: e.to_dict() for n, e in self.statistics.items()},
            "weight": weight.to_dict() if weight is not None else None,
            "time_splits": self.time_splits,
            **self.selection(),
        }

    def selection(self) -> dict[str, Any]:
        """Which events and histories count, as a JSON object: all data, no methods."""
        return {
            "session": self.session and self.session.to_dict(),
            "exclude": {name: e.to_dict() for name, e in self.exclude.items()},
            "bots": bots_to_json(self.bots),
            "max_events": self.max_events,
            "max_subject_events": self.max_subject_events,
            "drop_repeated_events": self.drop_repeated_events,
        }

    def digest(self) -> str:
        """SHA-256 of what the generator asks: its JSON form or, with methods, the
        source of the modules that define it and the classes it builds on.

        Raises:
            GeneratorError: it has methods, and no file holds their source.
        """
        if not self.methods():
            text = json.dumps(self.to_dict(), sort_keys=True)
        else:
            bases = type(self).__mro__
            own = bases[: bases.index(Generator)]
            text = "\n".join(_module_source(base) for base in own)
        return hashlib.sha256(text.encode()).hexdigest()

    def folder(self) -> Path:
        """The folder of the file that defines the class."""
        return Path(inspect.getfile(type(self))).resolve().parent


def snake_case(name: str) -> str:
    """``ShopPurchaseAfter3`` as ``shop_purchase_after_3``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d)", "_", name).lower()


def _module_source(cls: type[Generator]) -> str:
    """The whole module, since methods use what stands beside their class."""
    module = inspect.getmodule(cls)
    try:
        if module is None:
            raise OSError("no module")
        return f"{cls.__qualname__}\n{inspect.getsource(module)}"
    except OSError as error:
        raise GeneratorError(
            "Expected a generator with Python methods to be defined in a file, from "
            f"which workers can import it. Received: {cls.__qualname__} of "
            f"{cls.__module__!r} ({error}). Move it into a file."
        ) from error


def _activities(eligible: PastExpr) -> Any:
    """(event, length) of each activity that ``eligible`` cannot do without."""
    if eligible.op == "and":
        for operand in eligible.operands:
            yield from _activities(operand)  # type: ignore[arg-type]
    window = eligible.window
    if eligible.op == "any" and window and window.length_us and eligible.event:
        yield eligible.event, window.length_us


def _bound_to_activity(rule: CutoffRule, active: tuple[Event, int]) -> CutoffRule:
    if isinstance(rule, Daily):
        return replace(rule, active=active[0], active_us=active[1])
    if isinstance(rule, Sample):
        return replace(rule, rule=_bound_to_activity(rule.rule, active))
    return rule
