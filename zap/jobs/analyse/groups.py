"""Served predictions by version and by day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle
from zap.bundles.target import AMOUNT, BINARY, CLASSES, Target
from zap.encoding.columns import BoolArray
from zap.evaluation.served import Served, brief, judge_version
from zap.evaluation.served_drift import drift_of_histogram, drift_of_values
from zap.evaluation.served_offline import beside_offline
from zap.jobs.analyse.inputs import one_of_each, reference_of
from zap.jobs.analyse.logged import NO_SUBJECT, Predictions
from zap.jobs.analyse.outcomes import Outcomes
from zap.times import DAY_US, iso

MOST_DAYS = 92


def by_version(
    predictions: Predictions,
    outcomes: Outcomes,
    served: Served,
    target: Target,
    bundles: Mapping[str, Bundle | None],
) -> list[dict[str, Any]]:
    """What is known of each version, in the order of their first answers.

    Returns:
        For each version, n, from, until, immature, numbers (``judge_version``),
        offline (see ``beside_offline``) and drift of its scores; the last two None
        where the bundle is gone or does not tell.
    """
    found = []
    for number in _by_first_answer(predictions):
        version, mine = predictions.versions[number], predictions.version == number
        rows = served.take(mine[outcomes.matured])
        numbers = judge_version(rows, target)
        bundle = bundles[version]
        offline = bundle.json("metrics.json") if bundle else {}
        times = predictions.time_us[mine]
        found.append(
            {
                "version": version,
                "n": int(mine.sum()),
                "from": iso(int(times.min())),
                "until": iso(int(times.max())),
                "immature": int(mine[outcomes.immature].sum()),
                "numbers": numbers,
                "offline": bundle and beside_offline(numbers, offline, target.kind),
                "drift": bundle
                and score_drift(predictions.take(mine), bundle, offline, target),
            }
        )
    return found


def _by_first_answer(predictions: Predictions) -> list[int]:
    """The versions' places; a log's files need not be in the order of their times."""
    first = np.full(len(predictions.versions), np.iinfo(np.int64).max)
    np.minimum.at(first, predictions.version, predictions.time_us)
    order: list[int] = np.argsort(first, kind="stable").tolist()
    return order


def by_day(
    predictions: Predictions, outcomes: Outcomes, served: Served, target: Target
) -> list[dict[str, Any]]:
    """What is known of each day (UTC), of weeks or longer where there are many.

    Returns:
        For each day with predictions its day, days (how many it stands for), n,
        mean_score, immature and numbers (``brief``).
    """
    day = predictions.instant_us // DAY_US
    span = int(day[-1] - day[0]) + 1
    width = next(w for w in (1, 7, 28, 364, span) if span <= MOST_DAYS * w)
    place = (day - day[0]) // width
    found = []
    for number in np.unique(place).tolist():
        mine: BoolArray = np.equal(place, number)
        scores = predictions.score[mine]
        found.append(
            {
                "day": iso(int((day[0] + number * width) * DAY_US))[:10],
                "days": width,
                "n": int(mine.sum()),
                "mean_score": scores.mean(axis=0).tolist(),
                "immature": int(mine[outcomes.immature].sum()),
                "numbers": brief(served.take(mine[outcomes.matured]), target),
            }
        )
    return found


def score_drift(
    predictions: Predictions, bundle: Bundle, offline: Mapping[str, Any], target: Target
) -> dict[str, Any] | None:
    """How far a version's scores are from those of its evaluation.

    Of a yes or no they are held against the histogram of the test split; else, one of
    each subject, against the scores of the verification set: of classes the class that
    is likeliest.
    """
    kept = predictions.subject != NO_SUBJECT
    histogram = offline.get("distribution")
    if target.kind == BINARY and histogram:
        counts = np.add(histogram["positives"], histogram["negatives"])
        return drift_of_histogram(
            "score",
            histogram["edges"],
            counts,
            predictions.score,
            len(np.unique(predictions.subject[kept])) + int((~kept).sum()),
            int(offline["subjects"]),
        )
    named = predictions.take(kept)
    rows = one_of_each(named.subject, named.instant_us)
    reference = [line["score"] for line in reference_of(bundle)]
    if not len(rows) or not reference:
        return None
    return drift_of_values(
        "score",
        [_shown(score, target) for score in named.score[rows].tolist()],
        [_shown(score, target) for score in reference],
    )


def _shown(score: Any, target: Target) -> Any:
    if target.kind == CLASSES:
        return target.classes[int(np.argmax(score))]
    assert target.kind == AMOUNT or np.ndim(score) == 0
    return float(score)
