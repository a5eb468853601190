"""What a request needs of one version of a model, in one record that never changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.target import AMOUNT, BINARY, CLASSES
from zap.encoding.encoder import EncodedInstance
from zap.encoding.instance import Instance
from zap.errors import ServingError
from zap.serving.posted import Deriving
from zap.serving.predictor import Predictor
from zap.serving.segments import Segments
from zap.serving.stores import Need


@dataclass(frozen=True)
class Served:
    """One version of an application's model, ready to answer.

    Attributes:
        application: its name.
        version: of the bundle.
        bundle: what it was loaded from.
        predictor: takes events to predictions.
        subject: the field whose value says whom an event is about.
        need: what a store must keep for it.
        segments: the bounds of the report's segments, or None.
        kind: binary, classes or amount.
        classes: their names; empty for other kinds.
        deriving: adds derived fields to posted events.
        blank: the instance without events, if it is the same at every instant.
    """

    application: str
    version: str
    bundle: Bundle = field(repr=False)
    predictor: Predictor = field(repr=False)
    subject: str
    need: Need = field(repr=False)
    segments: Segments | None
    kind: str
    classes: tuple[str, ...]
    deriving: Deriving = field(repr=False)
    blank: EncodedInstance | None = field(repr=False)

    def encode(
        self, events: Sequence[Mapping[str, Any]], at_us: int
    ) -> EncodedInstance:
        """An instance; see ``Encoder.encode_instance``.

        Most servers meet many of whom they know nothing, and the batch path, which
        encodes those, is slow.
        """
        if not events and self.blank is not None:
            return self.blank
        return self.predictor.encoder.encode_instance(events, at_us)

    @property
    def instance(self) -> Instance:
        """What the model may see of a past."""
        return self.predictor.encoder.instance

    @property
    def waits(self) -> bool:
        """Whether predictions are made at a time, not at the last event."""
        return bool(self.instance.wait)

    def sees(self, kind: str) -> bool:
        """Whether the model may see an event of a type."""
        types = self.instance.reads.types
        return not isinstance(types, tuple) or kind in types


def served(application: str, bundle: Bundle) -> Served:
    """A bundle, made ready to answer and tried once.

    Raises:
        BundleError: a part is missing or does not fit the others.
        ServingError: it does not say whose events it is about.
    """
    predictor = Predictor.from_bundle(bundle)
    blanks = [predictor.encoder.encode_instance([], at_us) for at_us in (0, 1 << 50)]
    predictor.score(blanks[0])
    instance = predictor.encoder.instance
    subject = bundle.json("generator.json").get("subject")
    if not isinstance(subject, str):
        raise ServingError(
            f"Expected the subject's field in {bundle.path}/generator.json. Received: "
            f"subject={subject!r}. Generate the dataset again and train on it."
        )
    target = bundle.info.get("target") or {}
    kind = target.get("kind", BINARY)
    return Served(
        application=application,
        version=bundle.version,
        bundle=bundle,
        predictor=predictor,
        subject=subject,
        need=Need.of(instance, subject),
        segments=Segments.of_metrics(bundle.json("metrics.json")),
        kind=kind if kind in (CLASSES, AMOUNT) else BINARY,
        classes=tuple(target.get("classes", ())),
        deriving=Deriving(instance.reads.fields),
        blank=blanks[0] if blanks[0].digest == blanks[1].digest else None,
    )


def described(served: Served) -> dict[str, Any]:
    """What anybody may know of a version."""
    generator = served.bundle.info.get("generator") or {}
    return {
        "application": served.application,
        "question": generator.get("question", ""),
        "version": served.version,
        "kind": served.kind,
        "classes": list(served.classes),
        "subject": served.subject,
        "created_at": served.bundle.info.get("created_at"),
        "fingerprint": served.predictor.encoder.fingerprint,
    }
