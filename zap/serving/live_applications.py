"""The applications of a registry and the live model of each, as a server has them.

What a request needs of a version lies in one `Served` that never changes. A poll makes
a new one beside the old and puts it in its place whole, so that a request that has
taken one is answered by one version throughout, and none waits. A version that can't be
loaded changes nothing: the former one goes on, and readiness tells of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.files import Where
from zap.bundles.registry import Registry, applications
from zap.bundles.target import AMOUNT, BINARY, CLASSES
from zap.encoding.encoder import EncodedInstance
from zap.encoding.instance import Instance
from zap.errors import ServingError, ZapError
from zap.serving.posted import Deriving
from zap.serving.predictor import Predictor
from zap.serving.segments import Segments
from zap.serving.stores import Need

LONGEST_PAUSE_S = 30.0


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


class LiveApplications:
    """Follows a registry. One thread polls; any may read.

    Args:
        root: of the registry.
        names: the applications to serve; None is all that there are, new ones too.
        before: called with what will be served, before a new version takes over; where
            it raises, the poll is made again.
        failed: told the application whose live version could not be loaded.

    Attributes:
        served: what is served, by application; replaced as a whole.
        problems: of each application whose live version can't be served, why not.
        failures: how often a version could not be loaded.
        swaps: how often one took over.
    """

    def __init__(
        self,
        root: Where,
        names: Sequence[str] | None = None,
        before: Callable[[Sequence[Served]], None] = lambda served: None,
        failed: Callable[[str], None] = lambda application: None,
    ):
        self._root, self._names = root, names
        self._before, self._failed = before, failed
        self._followed: dict[str, _Followed] = {}
        self.served: Mapping[str, Served] = {}
        self.problems: Mapping[str, str] = {}
        self.failures = 0
        self.swaps = 0

    def poll(self) -> list[Served]:
        """Take over what has become live since; what did is returned."""
        problems: dict[str, str] = {}
        fresh = []
        for name in self._known(problems):
            followed = self._followed.get(name)
            try:
                if followed is None:
                    followed = _Followed(Registry(self._root, name))
                    self._followed[name] = followed
                found = followed.poll()
            except (ZapError, OSError) as error:
                problems[name] = str(error)
                self.failures += 1
                self._failed(name)
                continue
            if found is not None:
                fresh.append(found)
            elif followed.problem:
                problems[name] = followed.problem
        if fresh:
            self._take_over(fresh)
        self.problems = problems
        return fresh

    def _take_over(self, fresh: Sequence[Served]) -> None:
        after = {**self.served, **{each.application: each for each in fresh}}
        self._before(list(after.values()))
        self.served = after
        self.swaps += len(fresh)
        for each in fresh:
            self._followed[each.application].version = each.version

    def _known(self, problems: dict[str, str]) -> Sequence[str]:
        if self._names is not None:
            return self._names
        try:
            return applications(self._root)
        except (ZapError, OSError) as error:
            problems["registry"] = str(error)
            self.failures += 1
            return list(self._followed)


class _Followed:
    """One application, and which version of it is served."""

    def __init__(self, registry: Registry):
        self._registry = registry
        self._failed: str | None = None
        self._again = self._pause = 0.0
        self.version: str | None = None
        self.problem = ""

    def poll(self) -> Served | None:
        """What has become live and can be served.

        Raises:
            ZapError: it can't be loaded. It is tried again after a pause, which grows;
                another version is tried at once.
        """
        live = self._registry.live()
        if live is None or live == self.version:
            self._failed, self.problem = None, ""
            return None
        if live == self._failed and time.monotonic() < self._again:
            return None
        try:
            found = served(self._registry.application, self._registry.load(live))
        except Exception as error:
            same = live == self._failed
            self._pause = min(2 * self._pause, LONGEST_PAUSE_S) if same else 1.0
            self._failed, self._again = live, time.monotonic() + self._pause
            self.problem = str(error) if isinstance(error, ZapError) else repr(error)
            raise _as_ours(error, live) from error
        self._failed, self.problem = None, ""
        return found


def _as_ours(error: Exception, version: str) -> Exception:
    """The error of a bundle that passes its digests and yet can't be served."""
    if isinstance(error, (ZapError, OSError)):
        return error
    return ServingError(
        f"Expected a bundle that can be served. Received: version={version}, "
        f"{type(error).__name__}: {error}. Train the model again."
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
