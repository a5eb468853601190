"""Stage 6: the new version beside those before it, on the newest held-out examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.encoding.columns import FloatArray
from zap.errors import DatasetError, ZapError
from zap.evaluation.baselines import baseline_from_dict
from zap.evaluation.candidate import Rows, check_calibration, check_slices, compare
from zap.evaluation.metrics import auc
from zap.jobs.retrain.making import make_for
from zap.jobs.retrain.runs import PASSED, REFUSED, Stage
from zap.jobs.retrain.work import BUNDLE, Work
from zap.serving.scorer import Scorer


@dataclass(frozen=True)
class Reference:
    """An earlier version and what it says of the rows.

    Attributes:
        version: which.
        scores: float64, shape (rows,).
        auc: on these rows.
    """

    version: str
    scores: FloatArray
    auc: float


def judge(work: Work) -> Stage:
    """Whether the new version may take the place of the live one."""
    bundle, dataset = Bundle.load(work.path(BUNDLE)), work.examples()
    test = dataset.read("test")
    rows = Rows(
        test.label.astype(np.float64),
        test.subjects_of_cutoffs(),
        test.weight.astype(np.float64),
        test.statistics,
    )
    new = Scorer.from_bundle(bundle).predictions(test)
    found, passed_over = references(work, dataset, test, bundle.version)
    live = next(
        (r for r in found if work.live and r.version == work.live.version), None
    )
    limits = work.application.quality
    figures: dict[str, Any] = {
        "version": bundle.version,
        "live": work.live.version if work.live else None,
        "rows": len(rows.y),
        "subjects": len(np.unique(rows.subjects)),
        "auc": auc(rows.y, new, rows.weight),
        "references": {one.version: one.auc for one in found},
        "passed_over": passed_over,
        "beside": [],
        "slices": [],
    }
    for what, one in _chosen(found, live):
        held = compare(rows, new, one.scores, limits)
        figures["beside"].append({"what": what, "version": one.version, **held})
    if not found:
        figures["beside"].append(_beside_baseline(bundle, rows, test, new, limits))
    figures["calibration"] = check_calibration(
        rows, new, live.scores if live else None, limits
    )
    if live:
        kinds = dataset.manifest["statistics_kinds"]
        figures["slices"] = check_slices(rows, new, live.scores, kinds, limits)
    inputs = {"version": bundle.version, "dataset": dataset.manifest["digest"]}
    problems = problems_of(figures)
    if problems:
        return Stage(REFUSED, "; ".join(problems), figures, inputs)
    return Stage(PASSED, said_of(figures), figures, inputs)


def references(
    work: Work, dataset: Dataset, test: Visits, new: str
) -> tuple[list[Reference], dict[str, str]]:
    """The live version and the newest others on the same rows; and why some are not.

    The new version itself may be there, archived by an attempt before this one. It is
    no reference: nothing is better than itself, and it would hide the best of the
    others.
    """
    found, passed_over = [], {}
    for version in newest_versions(work, new):
        try:
            bundle = work.registry.open(version)
            own = (
                bundle.info["encoder_fingerprint"]
                == dataset.manifest["encoder_fingerprint"]
            )
            if bundle.info["label"] != dataset.manifest["label"]:
                raise DatasetError("its labels are of another kind")
            seen = test if own else make_for(work, bundle).read("test")
            _check_same(seen, test)
            scores = Scorer.from_bundle(bundle).predictions(seen)
        except ZapError as error:
            passed_over[version] = str(error)
            continue
        found.append(Reference(version, scores, auc(test.label, scores, test.weight)))
    return found, passed_over


def newest_versions(work: Work, new: str) -> list[str]:
    """The live version and the newest others that are not archived, newest first.

    Args:
        work: the run.
        new: the version to be judged, which is none of them unless it is live.
    """
    state = work.registry.state()
    others = state.archived | {new}
    kept = [v for v in work.registry.versions() if v not in others]
    added = {v: (note.when if (note := work.registry.note(v)) else "") for v in kept}
    newest = sorted(kept, key=lambda v: added[v], reverse=True)
    newest = newest[: work.application.references]
    if state.live and state.live not in newest:
        newest.append(state.live)
    return newest


def problems_of(figures: dict[str, Any]) -> list[str]:
    """Why a version may not be deployed, if anything."""
    problems = [
        f"AUC {one['auc_new']:.4f} beside {one['auc']:.4f} of {one['what']} "
        f"{one['version'] or ''}".rstrip()
        + f": the lower bound of the difference is {one['bound']:+.4f}, expected above "
        f"{one['margin']:+.4f}"
        for one in figures["beside"]
        if not one["passed"]
    ]
    calibration = figures["calibration"]
    if not calibration["passed"]:
        beside = calibration["ece_live"]
        words = "" if beside is None else f", and the live version has {beside:.4f}"
        problems.append(
            f"calibration error {calibration['ece']:.4f}, by chance up to "
            f"{calibration['null_95']:.4f}{words}"
        )
    problems += [
        f"far worse where {one['statistic']} is {one['group']}: AUC "
        f"{one['difference']:+.4f} (95 % {one['low']:+.4f} to {one['high']:+.4f})"
        for one in figures["slices"]
        if not one["passed"]
    ]
    return problems


def _chosen(
    found: list[Reference], live: Reference | None
) -> list[tuple[str, Reference]]:
    """The live version, and the best of all if that is another."""
    chosen = [("the live version", live)] if live else []
    best = max(found, key=lambda one: one.auc, default=None)
    if best is not None and best is not live:
        chosen.append(("the best of the last versions,", best))
    return chosen


def _beside_baseline(
    bundle: Bundle, rows: Rows, test: Visits, new: FloatArray, limits: Any
) -> dict[str, Any]:
    """A first version must rank better than counts and recency do, surely."""
    baseline = baseline_from_dict(bundle.json("baseline.json"))
    held = compare(rows, new, np.asarray(baseline.predict(test.baseline)), limits)
    held |= {"margin": 0.0, "passed": bool(held["bound"] > 0)}
    return {
        "what": f"the simple baseline ({baseline.described})",
        "version": None,
    } | held


def _check_same(seen: Visits, test: Visits) -> None:
    same = (
        np.array_equal(seen.label, test.label)
        and np.array_equal(seen.instant_us, test.instant_us)
        and np.array_equal(seen.subjects_of_cutoffs(), test.subjects_of_cutoffs())
    )
    if not same:
        raise DatasetError("with its encoder other rows came out; it can't be compared")


def said_of(figures: dict[str, Any]) -> str:
    """What was compared; and loudly, where the live version could not be."""
    live = figures["live"]
    parts = [
        f"AUC {one['difference']:+.4f} (bound {one['bound']:+.4f}) beside {one['what']}"
        + (f" {one['version']}" if one["version"] else "")
        for one in figures["beside"]
    ]
    if live in figures["passed_over"]:
        why = figures["passed_over"][live]
        parts.append(f"not held against the live version {live}: {why}")
    return "; ".join(parts)
