"""A shop whose outcomes are drawn from the very scores that its log holds.

Each visitor looks at one to three things, eight days or more apart. A view's price says
how likely a purchase is within seven days, and whether there is one is drawn with that
probability. So a score that is this probability is right, and every number of an
analysis is known, up to chance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.id_key import id_key
from zap.bundles.registry import Registry
from zap.bundles.sealed import seal
from zap.bundles.target import Target
from zap.checks.histories import histories_of
from zap.checks.sample import whole_subjects
from zap.encoding.encoder import Encoder
from zap.encoding.fit import fit, sketch_instance
from zap.encoding.recent import recent_events
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.evaluation.evaluate import evaluate
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.examples import (
    Generator,
    Hash,
    Instance,
    PowerBins,
    classes,
    each,
    event,
    future,
    past,
)
from zap.examples.slicing import slice_histories
from zap.jobs.inputs import RawInput, raw_input
from zap.serving.log import Logged, LogOptions, PredictionLog, event_hashes
from zap.times import DAY_US, SECOND_US, instant_us

BUY, VIEW = event("purchase"), event("page_view")
FROM_US, UNTIL_US = instant_us("2024-03-01"), instant_us("2024-05-01")
WEEK_US = 7 * DAY_US
APPLICATION = "served_shop"
PAGES = ("lamp", "chair", "table", "shelf", "sofa")


class ServedShop(Generator):
    """After every page view: will the visitor buy within a week?"""

    mapping = "made_served.toml"
    cutoffs = each(VIEW)
    label = future(days=7).any(BUY)
    instance = Instance(
        types=["page_view"],
        last=4,
        fields=[Hash("page"), PowerBins("price")],
        hash_buckets=32,
    )
    statistics = {"views": past().count(VIEW)}


class ServedByMethod(ServedShop):
    """The same question by a method."""

    horizon = future(days=7)

    def label(self, future):
        return any(each.type == "purchase" for each in future)


class ServedFragile(ServedShop):
    """The same question by a method that cannot bear a price, or gives no answer."""

    horizon = future(days=7)

    def label(self, future):
        pages = {each["page"] for each in future}
        if "broken" in pages:
            raise KeyError("broken")
        if "void" in pages:
            return None
        return any(each.type == "purchase" for each in future)


class ServedCount(ServedShop):
    """After every page view: how many purchases within a week?"""

    label = future(days=7).count(BUY)


class ServedWhat(ServedShop):
    """After every page view: will the visitor buy, come back, or neither?"""

    label = classes(
        buys=future(days=7).any(BUY),
        returns=future(days=14).any(VIEW),
        otherwise="leaves",
    )


@dataclass(frozen=True)
class View:
    """A view, and what was answered when it happened.

    Attributes:
        visitor: whose.
        id: the event's.
        time_us: when.
        page: which.
        price: of the thing.
        probability: of a purchase within a week.
    """

    visitor: str
    id: str
    time_us: int
    page: str
    price: float
    probability: float


def made_views(visitors: int, seed: int, prefix: str = "v") -> list[View]:
    """The views of some visitors."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(visitors):
        start = FROM_US + int(rng.uniform(0, 25) * DAY_US)
        for view in range(int(rng.integers(1, 4))):
            level = float(rng.normal())
            found.append(
                View(
                    f"{prefix}{number}",
                    f"{prefix}{number}-{view}",
                    start + view * 8 * DAY_US + int(rng.integers(0, DAY_US // 2)),
                    PAGES[int(rng.integers(0, len(PAGES)))],
                    round(float(np.exp(3 + level)), 2),
                    float(1 / (1 + np.exp(1.2 - 1.3 * level))),
                )
            )
    return found


def rows_of(views: Sequence[View], seed: int) -> list[dict[str, Any]]:
    """The events: each view, and the purchases that are drawn."""
    rng = np.random.default_rng(seed + 1_000_000)
    rows = []
    for view in views:
        rows.append(
            row(view.visitor, view.time_us, "page_view", view.id, view.page, view.price)
        )
        if rng.random() < view.probability:
            after = view.time_us + int(rng.uniform(SECOND_US, WEEK_US))
            rows.append(row(view.visitor, after, "purchase", f"{view.id}-buy"))
    return rows


def row(
    visitor: str,
    time_us: int,
    kind: str,
    name: str,
    page: str | None = None,
    price: float | None = None,
    got_us: int | None = None,
) -> dict[str, Any]:
    """A raw event; received a second after it happened if nothing is said."""
    got = time_us + SECOND_US if got_us is None else got_us
    return {
        "id": name,
        "visitor": visitor,
        "time": time_us,
        "got": got,
        "event": kind,
        "page": page,
        "price": price,
    }


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> str:
    """A file of raw events."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(each)}\n" for each in rows))
    return str(path)


class ServedSite:
    """A registry with a version, an archive and a log."""

    def __init__(self, folder: Path, generator: str = "ServedShop", seed: int = 0):
        self.folder = folder
        self.generator = generator
        self.registry = folder / "models"
        self.log = folder / "predictions"
        self.key = id_key(self.registry)
        self.version = self._released(seed)

    def raw(self, rows: Sequence[Mapping[str, Any]]) -> RawInput:
        """The question, asked of these events."""
        path = write_rows(self.folder / "archive" / "events.jsonl", rows)
        return raw_input(f"made_served:{self.generator}", [path])

    def entry(
        self,
        view: View,
        score: float | tuple[float, ...] | None = None,
        **changed: Any,
    ) -> Logged:
        """What the log holds of a prediction that was made at a view."""
        instant = view.time_us + SECOND_US
        made = Logged(
            id=f"p-{view.id}",
            time=instant + SECOND_US,
            instant=instant,
            application=APPLICATION,
            version=self.version,
            fingerprint="f",
            subject=keyed_subject(self.key, subject_hash(view.visitor)),
            events=1,
            ids=event_hashes([view.id]),
            encoded=view.id,
            score=view.probability if score is None else score,
            source="subject",
        )
        return replace(made, **changed)

    def write_log(self, entries: Sequence[Logged]) -> None:
        """Write the log anew, as a server does."""
        place = self.log / APPLICATION
        for path in place.glob("*.jsonl") if place.is_dir() else ():
            path.unlink()
        log = PredictionLog(self.log, LogOptions(wait_ms=60_000))
        entries = sorted(entries, key=lambda entry: entry.time)
        for start in range(0, len(entries), 200):
            log.append_all(entries[start : start + 200])
        log.close()

    def _released(self, seed: int) -> str:
        bundle = self.made_bundle(made_views(400, 77 + seed, "t"), 77 + seed)
        registry = Registry(self.registry, APPLICATION)
        version = registry.add(bundle)
        registry.deploy(version)
        return version

    def made_bundle(self, views: Sequence[View], seed: int) -> Bundle:
        """A bundle with all that an analysis asks: it scores nobody."""
        rows = rows_of(views, seed)
        raw = raw_input(
            f"made_served:{self.generator}",
            [write_rows(self.folder / f"training-{seed}.jsonl", rows)],
        )
        generator, mapping = raw.generator, raw.mapping
        assert isinstance(mapping, EventMapping)
        sources = list_sources(raw.paths, mapping)
        sample = whole_subjects(sources, mapping, generator.subject, 1_000_000)
        slices = slice_histories(
            generator, histories_of(generator, sample.table, mapping), sample.observed
        )
        fitted = fit(
            generator.instance,
            sketch_instance(generator.instance, slices.histories, slices.cutoffs),
        )
        encoder, kind = Encoder(fitted), generator.label_schema()
        scores = self._scores(views, slices)
        told = recent_events(encoder.instance, slices.histories, slices.cutoffs)
        lots = np.random.default_rng(seed).random(len(told))
        order = np.lexsort((lots, slices.cutoffs.subject))
        firsts = np.unique(slices.cutoffs.subject[order], return_index=True)[1]
        drawn = {*order[firsts].tolist()}
        lines = [
            {
                "example": number,
                "subject": f"{int(slices.cutoffs.subject[number])}",
                "split": "test",
                "instant": int(slices.cutoffs.instant_us[number]),
                "events": events,
                "encoded": "",
                "score": scores[number],
            }
            for number, events in enumerate(told)
            if number in drawn
        ]
        return write_bundle(
            self.folder / f"bundle-{seed}",
            {
                "encoder.json": encoder.to_dict(),
                "metrics.json": self._metrics(slices, scores),
            },
            {
                "application": APPLICATION,
                "generator": {
                    "name": f"made_served:{self.generator}",
                    "question": generator.question,
                    "digest": generator.digest(),
                },
                "label": kind,
                "instance": generator.instance.fingerprint,
                **self._target(kind),
            },
            sealed={"verification.jsonl.gz": seal(lines)},
        )

    def _scores(self, views: Sequence[View], slices: Any) -> list[Any]:
        known = {(v.visitor, v.time_us + SECOND_US): v.probability for v in views}
        names = slices.histories.subject
        rows = zip(
            slices.cutoffs.subject.tolist(),
            slices.cutoffs.instant_us.tolist(),
            strict=True,
        )
        found = [known[names[row], instant] for row, instant in rows]
        if self.generator == "ServedWhat":
            return [list(three_of(p)) for p in found]
        return found

    def _metrics(self, slices: Any, scores: Sequence[Any]) -> dict[str, Any]:
        subjects = slices.histories.subject_hash[slices.cutoffs.subject]
        if self.generator == "ServedWhat":
            return {"auc_mean": 0.6, "auc_mean_low": 0.55, "auc_mean_high": 0.65}
        if self.generator == "ServedCount":
            return {"gini": 0.3, "gini_low": 0.2, "gini_high": 0.4}
        return evaluate(slices.label, scores, subjects, draws=200)

    def _target(self, kind: Mapping[str, Any]) -> dict[str, Any]:
        if kind["kind"] == "binary":
            return {}
        if kind["kind"] == "classes":
            return {"target": Target("classes", tuple(kind["classes"])).to_dict()}
        return {"target": Target("amount", link="log").to_dict()}


def three_of(p: float) -> tuple[float, float, float]:
    """Probabilities of three classes."""
    return p, (1 - p) * 0.6, (1 - p) * 0.4


def brute_label(
    rows: Sequence[Mapping[str, Any]], view: View, days: int = 7
) -> bool | None:
    """Whether the visitor bought within the days after a view; None: nobody knows yet.

    A plain loop over the raw rows, by the words of the docs.
    """
    instant = view.time_us + SECOND_US
    if instant + days * DAY_US > UNTIL_US:
        return None
    return any(
        each["visitor"] == view.visitor
        and each["event"] == "purchase"
        and view.time_us <= each["time"] < instant + days * DAY_US
        for each in rows
    )
