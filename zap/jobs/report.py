"""The report of a bundle: its metrics, with the facts that stand behind them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from zap.datasets.splits import SPLITS
from zap.evaluation.report import build_sections, report_html, write_report
from zap.training.devices import Device

TEST_SCOPE = "the test split"


class Parts(Protocol):
    """What a report is told of a model: a bundle, or one that is not written yet."""

    @property
    def info(self) -> Mapping[str, Any]:
        """What ``bundle.json`` says, or will say."""

    def json(self, name: str) -> Any:
        """The content of a JSON file."""


def draft_report(parts: Parts) -> bytes:
    """The report that a bundle holds of itself: of its test split, and undated."""
    facts = {**facts_of(parts, TEST_SCOPE), "created_at": ""}
    metrics, generator = parts.json("metrics.json"), parts.info["generator"]
    return report_html(
        metrics,
        build_sections(metrics, facts),
        title=generator["name"],
        question=generator["question"],
        scope=TEST_SCOPE,
    ).encode()


def report_bundle(
    bundle: Parts,
    metrics: Mapping[str, Any],
    path: str | Path,
    *,
    scope: str,
    plots: str | Path | None = None,
) -> Path:
    """Write the report of metrics that were computed with a bundle.

    Args:
        bundle: the model and how it came to be.
        metrics: of the bundle on some examples.
        path: the HTML file.
        scope: which examples, in words.
        plots: a folder for the charts as PNGs; None writes none.

    Returns:
        The path of the report.
    """
    generator = bundle.info["generator"]
    return write_report(
        path,
        metrics,
        title=generator["name"],
        question=generator["question"],
        facts=facts_of(bundle, scope),
        pngs=plots,
    )


def facts_of(bundle: Parts, scope: str) -> dict[str, Any]:
    """What the bundle's files say of data, encoding, settings and versions."""
    manifest = bundle.json("manifest.json")
    generator = manifest["generator"]
    calibration = bundle.json("calibration.json")
    return {
        "scope": scope,
        "created_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "generator": {
            "name": generator["name"],
            "digest": generator["digest"],
            "anticipating": generator["anticipating"],
            # Bundles made before the key was there have no weights that repair.
            "repaired by weight": generator.get("repaired_by_weight", False),
        },
        "check": manifest.get("check", {}),
        "data": {
            "files": len({source["path"] for source in manifest["sources"]}),
            "observed from": manifest["observed"]["from"],
            "observed until": manifest["observed"]["until"],
            "observed range is": manifest["observed"]["source"],
            "digest": manifest["digest"],
        },
        "splits": {
            name: _shown(manifest["splits"][name], manifest["label"]["kind"])
            for name in SPLITS
        },
        "counters": manifest["counts"],
        "selection": manifest.get("selection"),
        "encoder": {
            **manifest["encoding"],
            **manifest["inputs"],
            "fingerprint": manifest["encoder_fingerprint"],
        },
        "config": {**bundle.json("config.json"), **_target(bundle), **_device(bundle)},
        "calibration": {k: v for k, v in calibration.items() if k != "scaling"},
        "history": bundle.json("history.json"),
        "versions": bundle.info["versions"],
    }


def _target(bundle: Parts) -> dict[str, Any]:
    """What a model of classes or amounts predicts, beside its settings."""
    target = bundle.info.get("target", {})
    return {f"label_{name}": value for name, value in target.items()}


def _device(bundle: Parts) -> dict[str, Any]:
    """What trained the model; bundles of former times do not say."""
    there = bundle.info.get("device")
    return {"trained_on": Device(**there).said} if there else {}


def _shown(split: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What of a split's numbers a reader wants, the label rate first."""
    mean = {"binary": "label_rate", "amount": "mean_label"}.get(kind)
    counts = {name: split[name] for name in ("examples", "subjects", "events")}
    return {mean: split["label_rate"], **counts} if mean else counts


def write_metrics(metrics: Mapping[str, Any], path: str | Path) -> Path:
    """Write the metrics as JSON."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(f"{json.dumps(metrics, indent=2, allow_nan=False)}\n", "utf-8")
    return target
