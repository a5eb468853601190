"""The whole analysis: a log and an archive in, one JSON object out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from zap.bundles.bundle import Bundle
from zap.bundles.files import Where
from zap.bundles.id_key import find_id_key
from zap.bundles.registry import Registry
from zap.bundles.target import CLASSES, Target
from zap.encoding.encoder import Encoder
from zap.errors import InputError
from zap.evaluation.served import Served, judge_served
from zap.evaluation.served_alarms import Limits, alarms_of
from zap.evaluation.served_immature import expect
from zap.jobs.analyse.archive import Archive, read_archive
from zap.jobs.analyse.groups import by_day, by_version
from zap.jobs.analyse.inputs import (
    input_drift,
    one_of_each,
    reference_of,
    served_inputs,
)
from zap.jobs.analyse.logged import NO_SUBJECT, Entry, Predictions, predictions_of
from zap.jobs.analyse.outcomes import Outcomes, outcomes_of
from zap.jobs.analyse.released import bundles_of, notes_of, reference_bundle
from zap.jobs.inputs import RawInput
from zap.jobs.score import check_label
from zap.serving.log import read_log
from zap.times import iso

Watch = Callable[[str], Any]


@dataclass(frozen=True)
class Asked:
    """What is to be analysed.

    Attributes:
        application: its name, in the log and in the registry.
        log: the folder of the prediction log.
        registry: the root of the registry.
        since_us: only predictions answered at that time or later; None: all.
        until_us: only predictions answered before; None: all.
        max_bad_share: share of bad rows above which the archive is not believed.
        limits: from where on alarms ring.
    """

    application: str
    log: str | Path
    registry: Where
    since_us: int | None = None
    until_us: int | None = None
    max_bad_share: float = 0.01
    limits: Limits = field(default_factory=Limits)


def analyse(
    asked: Asked, raw: RawInput, watch: Watch = lambda text: None
) -> dict[str, Any]:
    """Join a log with what happened later, and judge it.

    Args:
        asked: which log, and what of it.
        raw: the question, and the archive of raw events.
        watch: told of each step.

    Returns:
        made_at, application, question, kind, since, until, observed, predictions (n,
        and how many were matured, immature, overdue, unmatched), counts (all of them by
        reason), matured (all of ``judge_served``, and curve), immature, by_version,
        by_day, inputs, checks (all numbers held against a limit), alarms (those that
        ring) and notes.

    Raises:
        LogError: there is no such log.
        InputError: there is nothing to join.
        RegistryError: no version is live and none was logged.
        BundleError: the generator's labels are of another kind than the model's.
        ZapError: events cannot be read, or the generator does not fit them.
    """
    watch("reading the log")
    bundle = reference_bundle(Registry(asked.registry, asked.application))
    skipped: dict[str, int] = {}
    entries = read_log(
        asked.log, asked.application, asked.since_us, asked.until_us, skipped
    )
    return analyse_entries(asked, raw, bundle, entries, skipped, watch)


def analyse_entries(
    asked: Asked,
    raw: RawInput,
    bundle: Bundle,
    entries: Iterable[Entry],
    skipped: Mapping[str, int],
    watch: Watch = lambda text: None,
) -> dict[str, Any]:
    """The same of entries from anywhere.

    Args:
        asked: as for ``analyse``.
        raw: as for ``analyse``.
        bundle: of the application: its kind of label and its inputs.
        entries: of the log.
        skipped: lines of the log that could not be read, by reason; filled while
            ``entries`` are gone through.
        watch: told of each step.
    """
    check_label(bundle, raw.generator.label_schema())
    target = Target.from_dict(bundle.info.get("target", {}))
    outputs = target.outputs if target.kind == CLASSES else 1
    predictions = predictions_of(entries, outputs)
    key = find_id_key(asked.registry)
    if key is None or not predictions.subjects:
        raise _nameless(asked, key is None, len(predictions))
    archive = read_archive(
        raw,
        key,
        set(predictions.subjects),
        max_bad_share=asked.max_bad_share,
        watch=watch,
    )
    watch("labelling what was predicted")
    outcomes = outcomes_of(raw.generator, archive, predictions)
    watch("judging")
    found = _numbers(asked, raw, bundle, target, predictions, archive, outcomes)
    found["counts"] |= {f"log.{name}": number for name, number in skipped.items()}
    checks = alarms_of(found, asked.limits)
    return {
        **found,
        "checks": [each.to_dict() for each in checks],
        "alarms": [each.to_dict() for each in checks if each.rings],
    }


def _numbers(
    asked: Asked,
    raw: RawInput,
    bundle: Bundle,
    target: Target,
    predictions: Predictions,
    archive: Archive,
    outcomes: Outcomes,
) -> dict[str, Any]:
    served = Served(
        outcomes.label,
        predictions.score[outcomes.matured],
        predictions.subject[outcomes.matured],
    )
    bundles = bundles_of(Registry(asked.registry, asked.application), predictions)
    waiting = outcomes.immature
    return {
        "made_at": iso(_now_us()),
        "application": asked.application,
        "question": raw.generator.question,
        "kind": target.kind,
        "since": iso(int(predictions.time_us.min())),
        "until": iso(int(predictions.time_us.max())),
        "observed": archive.observed.to_dict(),
        "predictions": _totals(predictions, outcomes),
        "counts": _counts(predictions, archive, outcomes),
        "matured": _matured(served, target, outcomes),
        "immature": expect(
            predictions.score[waiting], predictions.subject[waiting], target
        ),
        "by_version": by_version(predictions, outcomes, served, target, bundles),
        "by_day": by_day(predictions, outcomes, served, target),
        "inputs": _inputs(raw, bundle, predictions, outcomes),
        "notes": notes_of(raw, bundle, predictions, bundles),
    }


def _totals(predictions: Predictions, outcomes: Outcomes) -> dict[str, int]:
    subjects = predictions.subject
    return {
        "n": len(predictions),
        "subjects": len(np.unique(subjects[subjects != NO_SUBJECT])),
        "matured": len(outcomes.matured),
        "immature": len(outcomes.immature),
        "overdue": outcomes.overdue,
        "unmatched": outcomes.subjects_lost,
    }


def _counts(
    predictions: Predictions, archive: Archive, outcomes: Outcomes
) -> dict[str, int]:
    total = predictions.counts + outcomes.counts + archive.counts
    return {name: number for name, number in sorted(total.items()) if number}


def _matured(served: Served, target: Target, outcomes: Outcomes) -> dict[str, Any]:
    """The numbers, and the calibration curve in the form that the console draws."""
    if not len(served):
        return {"n": 0, "subjects": 0, "curve": []}
    found = judge_served(
        served, target, outcomes.statistics, outcomes.kinds, outcomes.moment
    )
    curve = (found.get("calibration_curve") or {}).get("after") or []
    found["curve"] = [_point(bucket) for bucket in curve]
    return found


def _point(bucket: Mapping[str, Any]) -> list[float]:
    observed = bucket.get("positive_rate", bucket.get("mean_observed"))
    predicted = bucket.get("mean_prediction", bucket.get("mean_predicted"))
    return [predicted, observed, bucket["n"]]


def _inputs(
    raw: RawInput, bundle: Bundle, predictions: Predictions, outcomes: Outcomes
) -> list[dict[str, Any]]:
    if bundle.info["instance"] != raw.generator.instance.fingerprint:
        return []
    placed = outcomes.placed
    rows = one_of_each(predictions.subject[placed], predictions.instant_us[placed])
    encoder = Encoder.from_dict(bundle.json("encoder.json"))
    told = served_inputs(encoder, outcomes, rows)
    return input_drift(encoder, told, reference_of(bundle))


def _nameless(asked: Asked, without_key: bool, size: int) -> InputError:
    if without_key:
        return InputError(
            "Expected the key by which the log names subjects. Received: none, "
            f"registry={asked.registry}. Name the registry of the server, or set "
            "ZAP_ID_KEY as it is there."
        )
    return InputError(
        "Expected predictions that name their subject. Received: "
        f"predictions={size:,}, of which none does. Ask for predictions by subject, "
        "and give the server the registry's key."
    )


def _now_us() -> int:
    return round(datetime.now(UTC).timestamp() * 1_000_000)
