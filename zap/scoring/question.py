"""What a bundle tells of its question: whom it is about, and which events count.

Of a generator's two halves the bundle has the instance. The other half is for training,
but part of it is selection: exclusions, bots, limits, sessions. A model is scored on
histories that are made by the rules of those that it was trained on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.kinds import TREES, kind_of
from zap.encoding.encoder import Encoder
from zap.errors import BundleError
from zap.events.mapping import EventMapping
from zap.examples.bots import bots_from_json
from zap.examples.expressions import PastExpr
from zap.examples.generator import Generator
from zap.examples.predicates import Event
from zap.examples.sessions import sessions_from_dict

LIMITS = ("max_events", "max_subject_events", "drop_repeated_events")


class BundleQuestion(Generator, abstract=True):
    """A generator without cutoffs and labels, as data: no class of a site.

    Args:
        description: what ``generator.json`` of a bundle says.
        encoder: of the bundle.
        eligible: whether it is asked who is eligible.
        reads_events: whether the model looks at the sequence of events; if not, what
            only its rows are made of is not read.

    Attributes:
        told: whether the bundle says which events count; else all defaults of a
            generator hold.

    Raises:
        BundleError: eligibility is a Python method, or nobody said what it is.
    """

    def __init__(
        self,
        description: Mapping[str, Any],
        encoder: Encoder,
        eligible: bool = False,
        reads_events: bool = True,
    ):
        definition = description.get("definition")
        selection = definition or description.get("selection") or {}
        self._name = str(description["name"])
        self.told = bool(selection)
        self.subject = description["subject"]  # type: ignore[misc]
        self.use_instance(encoder.instance)
        reads = encoder.instance.reads
        self._encoded = {*(reads.fields if reads_events else encoder.metadata_fields)}
        self._select(selection)
        if eligible:
            self._ask(definition)

    def _select(self, selection: Mapping[str, Any]) -> None:
        """Take over the rules that are told."""
        readers: dict[str, Callable[[Any], Any]] = {
            "session": sessions_from_dict,
            "bots": bots_from_json,
            "exclude": _events,
            **dict.fromkeys(LIMITS, lambda value: value),
        }
        for name, read in readers.items():
            if name in selection:
                setattr(self, name, read(selection[name]))

    def _ask(self, definition: Mapping[str, Any] | None) -> None:
        if definition is None:
            raise BundleError(
                "Expected a question whose eligibility is an expression, which a "
                f"bundle holds. Received: generator={self._name}, which has Python "
                "methods. Score all subjects, without --eligible."
            )
        said = definition.get("eligible")
        if said is not None:
            self.eligible = PastExpr.from_dict(said)  # type: ignore[misc]

    @property
    def name(self) -> str:
        """The generator's name."""
        return self._name

    def fields(self) -> set[str]:
        """The fields that the encoder, the selection and the eligibility read."""
        names = self._encoded | {"type"}
        for each in (*self.exclude.values(), *self._of_bots()):
            names |= {*each.fields()}
        if isinstance(self.eligible, PastExpr):
            names |= {*self.eligible.fields()}
        return names

    def _of_bots(self) -> list[Event]:
        rules = self.bot_rules()
        return rules.events() if rules else []


def question_of(bundle: Bundle, eligible: bool = False) -> BundleQuestion:
    """The question of a bundle.

    Raises:
        BundleError: a part is missing, or ``eligible`` can't be asked of it.
    """
    encoder = Encoder.from_dict(bundle.json("encoder.json"))
    return BundleQuestion(
        bundle.json("generator.json"), encoder, eligible, kind_of(bundle.info) != TREES
    )


def mapping_of(bundle: Bundle) -> EventMapping:
    """The mapping of the raw events that the bundle's model was trained on.

    Raises:
        BundleError: the bundle does not tell it.
    """
    told = bundle.json("manifest.json").get("mapping") or {}
    if "definition" not in told:
        raise BundleError(
            f"Expected the mapping of raw events in {bundle.path}/manifest.json. "
            "Received: none. Give one with --mapping FILE."
        )
    return EventMapping.from_dict(told["definition"])


def _events(said: Mapping[str, Any]) -> dict[str, Event]:
    return {name: Event.from_dict(each) for name, each in said.items()}
