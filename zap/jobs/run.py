"""The main job: raw events to a calibrated, reported model, in one work directory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zap.bundles.bundle import Bundle
from zap.bundles.files import local_path
from zap.datasets.splits import NoSplit, Split, SubjectSplit
from zap.errors import InputError
from zap.jobs.inputs import RawInput
from zap.jobs.report import TEST_SCOPE, report_bundle, write_metrics

if TYPE_CHECKING:
    from zap.beam.generate import GenerateOptions
    from zap.training.config import ModelConfig

DATASET, BUNDLE, REPORT, METRICS = "dataset", "bundle", "report.html", "metrics.json"
PLOTS, TRAINING = "plots", "training"


@dataclass(frozen=True)
class Watchers:
    """Who is told about progress.

    Attributes:
        stage: called with the name of each stage as it begins.
        workspace: called with the path where a dataset is being made.
        epoch: called after each epoch of training.
    """

    stage: Callable[[str], Any] = lambda name: None
    workspace: Callable[[str], Any] = lambda path: None
    epoch: Callable[[Any], Any] = lambda epoch: None


@dataclass(frozen=True)
class RunResult:
    """What a run left.

    Attributes:
        bundle: the model.
        metrics: on the test split.
        report: the HTML report.
    """

    bundle: Bundle
    metrics: dict[str, Any]
    report: Path


def run(
    raw: RawInput,
    output: str | Path,
    options: GenerateOptions | None = None,
    config: ModelConfig | None = None,
    watchers: Watchers | None = None,
    replace: bool = False,
) -> RunResult:
    """Generate examples, train, calibrate, judge and report.

    Args:
        raw: the question and its events.
        output: the work directory; gets ``dataset``, ``bundle``, ``report.html``,
            ``metrics.json`` and ``plots``.
        options: of the dataset.
        config: of the model.
        watchers: who is told about progress.
        replace: whether an earlier run in ``output`` may be replaced.

    Raises:
        ZapError: at the stage that cannot go on; earlier stages stay.
    """
    watchers = watchers or Watchers()
    work = local_output(output)
    check_output(work, replace)
    if options is not None:
        check_parts(options.split)
    watchers.stage("generate")
    dataset = _generate(raw, work, options, watchers, replace)
    # Of an earlier run; should this one stop later, they would not fit the dataset.
    for name in (REPORT, METRICS):
        (work / name).unlink(missing_ok=True)
    watchers.stage("train")
    from zap.jobs.train import train_bundle

    bundle = train_bundle(
        dataset,
        work / BUNDLE,
        config,
        work_dir=work / TRAINING,
        progress=watchers.epoch,
        replace=replace,
    )
    # What a stopped training would have resumed from.
    shutil.rmtree(work / TRAINING, ignore_errors=True)
    watchers.stage("report")
    metrics = bundle.json("metrics.json")
    report = report_bundle(
        bundle, metrics, work / REPORT, scope=TEST_SCOPE, plots=work / PLOTS
    )
    write_metrics(metrics, work / METRICS)
    return RunResult(bundle, metrics, report)


def local_output(output: str | Path) -> Path:
    """The work directory, which is on this machine.

    Raises:
        InputError: it is a URL.
    """
    work = local_path(output)
    if work is None:
        raise InputError(
            "Expected a work directory on this machine. Received: "
            f"output={output}. For a store, call zap generate and zap train, which "
            "take URLs (docs/training-elsewhere.md)."
        )
    return work


def check_parts(split: Split) -> None:
    """Check that a split has the parts to train, calibrate and judge with.

    Raises:
        InputError: one of them would be empty whatever the examples.
    """
    empty = isinstance(split, NoSplit) or (
        isinstance(split, SubjectSplit) and not all(split.shares)
    )
    if empty:
        raise InputError(
            "Expected a split with train, validation and test examples. Received: "
            f"split={json.dumps(split.to_dict())}. Give each a share, or call "
            "zap generate, whose dataset need not be trained on."
        )


def check_output(work: Path, replace: bool) -> None:
    """Check that a work directory may be used.

    Raises:
        InputError: it holds something, and ``replace`` is not asked for.
    """
    # What a run leaves that was killed while it made the dataset, the next one removes.
    left = f".{DATASET}."
    taken = work.is_file() or (
        work.is_dir() and any(not p.name.startswith(left) for p in work.iterdir())
    )
    if taken and not (replace and work.is_dir()):
        raise InputError(
            f"Expected an empty or new work directory. Received: output={work}. "
            "Choose another, or pass --replace to replace an earlier run."
        )


def _generate(
    raw: RawInput,
    work: Path,
    options: GenerateOptions | None,
    watchers: Watchers,
    replace: bool,
) -> Any:
    from dataclasses import replace as changed

    from zap.beam.generate import GenerateOptions, generate

    options = changed(options or GenerateOptions(), replace=replace)
    return generate(
        raw.generator,
        raw.paths,
        raw.mapping,
        work / DATASET,
        options,
        watchers.workspace,
    )
