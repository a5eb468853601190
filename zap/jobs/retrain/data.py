"""Stages 2 and 3: the data gate, and the examples to train on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.encoding.fit import is_fitted
from zap.errors import DatasetError
from zap.evaluation.bands import Check
from zap.evaluation.bootstrap import auc_draws
from zap.evaluation.data_gate import changes_of, check_events, check_examples
from zap.evaluation.metrics import auc
from zap.jobs.retrain.making import encoder_of, fits, make_examples, make_for
from zap.jobs.retrain.runs import PASSED, REFUSED, Stage, accepted_before
from zap.jobs.retrain.work import EXAMPLES, NEWEST, Work
from zap.serving.scorer import Scorer

DRAWS = 200


def gate(work: Work) -> Stage:
    """Hold the newest events and examples against those of earlier runs."""
    window = work.figures("window")["newest"]
    past = accepted_before(work.folder, work.until_us)
    limits = work.application.data
    checks = check_events(window, [one["events"] for one in past], limits)
    figures: dict[str, Any] = {
        "until_us": work.until_us,
        "runs_before": len(past),
        "events": {**window, "changes": changes_of(checks)},
    }
    inputs = {"window": work.run.file("window").name}
    # Of events that are wrong no examples need be made.
    if _refused(checks) and work.trust_data is None:
        return _verdict(work, checks, figures, inputs)
    try:
        stats = newest_examples(work)
    except DatasetError as error:
        problem = Check("examples", 0, 1, None, False, (), str(error))
        return _verdict(work, [*checks, problem], figures, inputs)
    before = [one["examples"] for one in past if "examples" in one]
    if len([one for one in before if one.get("auc") is not None]) < 1 and work.live:
        before = [*before, {"auc": work.live.json("metrics.json").get("auc")}]
    checks += check_examples(stats, before, limits)
    return _verdict(work, checks, figures | {"examples": stats}, inputs)


def newest_examples(work: Work) -> dict[str, Any]:
    """What the newest held-out examples are, and how the live model does on them.

    Raises:
        DatasetError: there are none.
    """
    live = work.live
    if live is not None and not fits(work, live):
        dataset = make_for(work, live) if _same_label(work, live) else None
    else:
        dataset = make_examples(work, NEWEST, encoder_of(live) if live else None)
    if dataset is None:  # the live version answers another kind of question
        live, dataset = None, make_examples(work, NEWEST, None)
    test = dataset.read("test")
    found = {
        "folder": dataset.path.rpartition("/")[2],
        "dataset": dataset.manifest["digest"],
        **describe(test),
    }
    if live is not None:
        scores = Scorer.from_bundle(live).predictions(test)
        found |= {"live": live.version, **_ranked(test, scores)}
    return found


def describe(test: Visits) -> dict[str, Any]:
    """Examples, subjects, positives and the rate of positives with its error."""
    label = test.label.astype(np.float64)
    codes = np.unique(test.subjects_of_cutoffs(), return_inverse=True)[1]
    size = np.bincount(codes)
    positives = np.bincount(codes, label)
    rate = float(label.mean())
    # The error of a ratio of sums over subjects, of whom each has several rows.
    off = positives - rate * size
    spread = float(np.sqrt((off**2).sum())) / len(label)
    return {
        "examples": len(label),
        "subjects": len(size),
        "positives": int(label.sum()),
        "rate": rate,
        "rate_error": spread / rate if rate else 0.0,
    }


def _ranked(test: Visits, scores: Any) -> dict[str, Any]:
    found = auc(test.label, scores, test.weight)
    if not np.isfinite(found):  # one outcome only: other checks say so
        return {"auc": None, "auc_error": None}
    drawn = auc_draws(
        test.label,
        [scores],
        test.subjects_of_cutoffs(),
        weights=test.weight,
        draws=DRAWS,
    )
    return {"auc": found, "auc_error": float(np.nanstd(drawn))}


def _same_label(work: Work, live: Bundle) -> bool:
    return bool(live.info["label"] == work.raw.generator.label_schema())


def _refused(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if not check.passed]


def _verdict(
    work: Work, checks: Sequence[Check], figures: dict[str, Any], inputs: dict[str, Any]
) -> Stage:
    bad = _refused(checks)
    figures = figures | {"checks": [check.to_dict() for check in checks]}
    if not bad:
        said = f"all {len(checks)} checks passed"
        return Stage(PASSED, said, figures, inputs)
    said = "; ".join(check.said for check in bad)
    trust = work.trust_data
    if trust is not None and "examples" in figures:
        figures |= {"trusted": {"who": trust.who, "why": trust.why}}
        return Stage(PASSED, f"trusted by {trust.who}, though {said}", figures, inputs)
    return Stage(REFUSED, f"data suspect: {said}", figures, inputs)


def make(work: Work) -> Stage:
    """The examples to train on.

    Where the encoder of the data gate's examples is the one to train with, they are
    these: of a first version, of an instance that leaves nothing to be fitted, and of
    a warm start, which needs the live version's.
    """
    newest = work.figures("data")["examples"]
    live = work.live
    made = newest["folder"] == NEWEST
    same = live is None or is_fitted(work.raw.generator.instance)
    if made and (same or work.application.warm_start):
        dataset = Dataset.open(work.path(NEWEST))
    else:
        dataset = make_examples(work, EXAMPLES, None)
    splits = dataset.manifest["splits"]
    figures = {
        "folder": dataset.path.rpartition("/")[2],
        "dataset": dataset.manifest["digest"],
        "encoder": dataset.manifest["encoder_fingerprint"],
        "splits": {name: _numbers(part) for name, part in splits.items()},
    }
    sizes = ", ".join(f"{name} {part['examples']:,}" for name, part in splits.items())
    return Stage(PASSED, f"examples: {sizes}", figures, {"events": "window"})


def _numbers(part: Any) -> dict[str, Any]:
    return {name: part[name] for name in ("examples", "subjects", "label_rate")}
