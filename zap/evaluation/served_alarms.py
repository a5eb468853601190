"""Which findings of an analysis should wake somebody.

The defaults ring for clear faults alone. An analysis runs every night and looks at many
numbers, so each must be beyond a size that matters and beyond what chance shows in 99
of 100 cases at this number of subjects; with fewer than a hundred subjects nothing
rings but a site's own least AUC. A site that wants to hear more sets limits of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zap.bundles.target import BINARY
from zap.errors import InputError
from zap.evaluation.served_offline import RANKING
from zap.evaluation.words import decimal, error, percent

FEWEST_SUBJECTS = 100
FEWEST_OUTCOMES = 20


@dataclass(frozen=True)
class Limits:
    """From where on an alarm rings.

    Attributes:
        min_auc: the least AUC of all matured predictions; None: no limit.
        max_ece: the calibration error that matters.
        max_drift: the PSI that matters.
        max_immature: largest share of predictions without a known outcome; None: none.
        max_overdue: largest share of predictions whose outcome should be known by now.
        max_unmatched: largest share of predictions whose subject the archive lacks.

    Raises:
        InputError: a limit is negative.
    """

    min_auc: float | None = None
    max_ece: float = 0.02
    max_drift: float = 0.25
    max_immature: float | None = None
    max_overdue: float = 0.05
    max_unmatched: float = 0.05

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not value >= 0:
                raise InputError(
                    f"Expected a limit of at least 0. Received: {name}={value}."
                )


@dataclass(frozen=True)
class Alarm:
    """A number that was held against a limit.

    Attributes:
        name: auc, ece, offline, drift, input_drift, immature, overdue or unmatched.
        of: the version or the input that it is of; empty for all.
        value: what was found.
        limit: from where on it rings.
        rings: whether it does.
        said: the finding in a sentence.
    """

    name: str
    of: str
    value: float
    limit: float
    rings: bool
    said: str

    def to_dict(self) -> dict[str, Any]:
        """The alarm as a JSON object."""
        return asdict(self)


def alarms_of(analysis: Mapping[str, Any], limits: Limits) -> list[Alarm]:
    """All numbers that were judged, whether they ring or not.

    Args:
        analysis: as ``zap.jobs.analyse`` makes it, before its alarms.
        limits: from where on they ring.
    """
    found = list(_shares(analysis, limits))
    if limits.min_auc is not None:
        found += _least_auc(analysis["matured"], limits.min_auc)
    for version in analysis["by_version"]:
        found += _offline(version, analysis["kind"])
        if analysis["kind"] == BINARY:
            found += _error(version, limits.max_ece)
        if version.get("drift"):
            found += _drifts("drift", version["version"], [version["drift"]], limits)
    found += _drifts("input_drift", "", analysis["inputs"], limits)
    return found


def _shares(analysis: Mapping[str, Any], limits: Limits) -> Iterator[Alarm]:
    counts, total = analysis["predictions"], max(analysis["predictions"]["n"], 1)
    for name, most, what in (
        ("unmatched", limits.max_unmatched, "are of subjects that the archive lacks"),
        ("overdue", limits.max_overdue, "should have an outcome, but the archive ends"),
        ("immature", limits.max_immature, "have no known outcome yet"),
    ):
        if most is None:
            continue
        value = counts[name] / total
        enough = counts["subjects"] >= FEWEST_SUBJECTS
        said = f"{percent(value)} of the predictions {what} (limit {percent(most)})"
        yield Alarm(name, "", value, most, enough and value > most, said)


def _least_auc(matured: Mapping[str, Any], least: float) -> Iterator[Alarm]:
    value = matured.get("auc")
    if value is not None:
        said = f"AUC of the matured predictions {decimal(value)}, at least {least:g}"
        yield Alarm("auc", "", value, least, value < least, said)


def _offline(version: Mapping[str, Any], kind: str) -> Iterator[Alarm]:
    name = RANKING[kind]
    pair = (version.get("offline") or {}).get(name)
    enough = version["numbers"]["subjects"] >= FEWEST_SUBJECTS
    if kind == BINARY and enough:
        n, positives = (version["numbers"][key] for key in ("n", "positives"))
        enough = min(positives, n - positives) >= FEWEST_OUTCOMES
    if not pair or not enough or None in (pair["served_high"], pair["offline_low"]):
        return
    shown = name.removesuffix("_mean").upper() if kind != "amount" else "Gini"
    said = (
        f"{shown} of version {version['version']} {decimal(pair['served'])} in service "
        f"(up to {decimal(pair['served_high'])}), {decimal(pair['offline'])} in its "
        f"evaluation (from {decimal(pair['offline_low'])})"
    )
    high, low = pair["served_high"], pair["offline_low"]
    yield Alarm("offline", version["version"], high, low, high < low, said)


def _error(version: Mapping[str, Any], most: float) -> Iterator[Alarm]:
    numbers = version["numbers"]
    if numbers["subjects"] < FEWEST_SUBJECTS or numbers.get("ece") is None:
        return
    limit = max(most, numbers["ece_null_99"])
    said = (
        f"calibration error of version {version['version']} {error(numbers['ece'])}: "
        f"predicted {percent(numbers['mean_prediction'])}, happened "
        f"{percent(numbers['base_rate'])} (limit {error(limit)})"
    )
    rings = numbers["ece"] > limit
    yield Alarm("ece", version["version"], numbers["ece"], limit, rings, said)


def _drifts(
    name: str, of: str, found: Sequence[Mapping[str, Any]], limits: Limits
) -> Iterator[Alarm]:
    for each in found:
        sizes = each["subjects"], each["reference_subjects"]
        if min(sizes) < FEWEST_SUBJECTS:
            continue
        limit = max(limits.max_drift, each["psi_chance_99"])
        what = f"scores of version {of}" if of else f"input {each['name']}"
        said = (
            f"{what} moved away from training: PSI {decimal(each['psi'])} "
            f"(limit {decimal(limit)})"
        )
        rings = each["psi"] > limit
        yield Alarm(name, of or each["name"], each["psi"], limit, rings, said)
