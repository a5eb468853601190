"""From a dataset to a bundle: train, freeze, calibrate, judge, write."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.files import Where, files_at, local_path
from zap.bundles.sealed import seal
from zap.bundles.target import AMOUNT, BINARY, Target
from zap.bundles.writing import check_free
from zap.datasets.store import Dataset
from zap.datasets.stores import check_writable
from zap.datasets.visits import Visits
from zap.encoding.columns import Float32Array
from zap.evaluation.baselines import fit_target_baseline
from zap.jobs.report import draft_report
from zap.jobs.score import judge_part
from zap.serving.predictor import Predictor
from zap.serving.scorer import Scorer
from zap.serving.verification import (
    VERIFICATION,
    encoded_examples,
    processor,
    scored_examples,
)
from zap.training.calibration import Calibration, Judged, halves
from zap.training.calibrations import calibrate_target
from zap.training.checks import check_weights
from zap.training.config import ModelConfig
from zap.training.fit import Fitted, fit
from zap.training.history import Epoch
from zap.training.targets import balanced, target_of


def train_bundle(
    dataset: Dataset,
    output: Where,
    config: ModelConfig | None = None,
    *,
    start: Sequence[Float32Array] | None = None,
    work_dir: Where | None = None,
    progress: Callable[[Epoch], None] | None = None,
    replace: bool = False,
) -> Bundle:
    """Train a model on a dataset and write it as a bundle.

    Early stopping and the fit of the calibration see one half of the validation
    subjects; the other half decides whether the calibration is kept. The metrics in the
    bundle are those of the test split.

    Args:
        dataset: the examples.
        output: the bundle's directory, or its URL in any store that fsspec knows.
        config: settings of model and trainer; the defaults if None.
        start: weights to begin with (``zap.training.warm``); None: random ones.
        work_dir: where the state after each epoch is kept, to resume from; a folder or
            a URL.
        progress: called after each epoch.
        replace: whether a bundle at ``output`` may be replaced.

    Raises:
        DatasetError: a split has no examples, or the output can't be written to.
        TrainingError: no model can be trained on these examples.
        BundleError: the output is taken.
    """
    check_free(files_at(output), replace)  # before hours of training, not after
    if local_path(output) is None:
        check_writable(str(output))
    config = config or ModelConfig()
    examples, validation = dataset.read("train"), dataset.read("validation")
    target = target_of(dataset.manifest["label"], examples, validation)
    stopping, judging = halves(validation)
    # What the model is judged and verified with at the end must be right before it
    # costs hours.
    test = dataset.read("test")
    check_weights("validation", validation)
    check_weights("test", test)
    recent = dataset.recent()
    encoded = encoded_examples(dataset.encoder, recent)
    fitted = fit(
        examples,
        stopping,
        dataset.spec,
        config,
        target=target,
        start=start,
        work_dir=work_dir,
        progress=progress,
    )
    target, calibration = _calibrated(
        Scorer(fitted.model, dataset.spec), target, examples, stopping, judging
    )
    baseline = fit_target_baseline(
        target, examples.baseline, examples.label, examples.weight
    )
    files: dict[str, Any] = {
        "calibrator.json": calibration.scaling.to_dict(),
        "calibration.json": calibration.to_dict(),
        "baseline.json": baseline.to_dict(),
        **_made_by(dataset, config, fitted),
    }
    judge = Scorer(fitted.model, dataset.spec, calibration.scaling)
    files["metrics.json"] = judge_part(judge, baseline, dataset, "test", test)
    info = bundle_info(dataset, target, config.kind, fitted)
    files["report.html"] = draft_report(Draft(info, files))
    lines = scored_examples(Predictor(dataset.encoder, judge), recent, encoded)
    return write_bundle(
        output, files, info, sealed={VERIFICATION: seal(lines)}, replace=replace
    )


def _calibrated(
    scorer: Scorer,
    target: Target,
    examples: Visits,
    stopping: Visits,
    judging: Visits,
) -> tuple[Target, Calibration | Judged]:
    """What the model's outputs stand for, and how they become predictions."""
    if target.kind == AMOUNT:
        outputs = scorer.logits(examples)
        target = balanced(target, outputs, examples.label, examples.weight)
    calibration = calibrate_target(
        target,
        scorer.logits(stopping),
        stopping.label,
        scorer.logits(judging),
        judging.label,
        stopping.weight,
        judging.weight,
        judging.subjects_of_cutoffs(),
    )
    return target, calibration


def _made_by(dataset: Dataset, config: ModelConfig, fitted: Fitted) -> dict[str, Any]:
    """The files of a bundle that say what it was made of, and the model itself."""
    return {
        **fitted.files,
        "encoder.json": dataset.encoder.to_dict(),
        "config.json": config.to_dict(),
        "history.json": {"epochs": [asdict(epoch) for epoch in fitted.history]},
        "generator.json": dict(dataset.manifest["generator"]),
        "manifest.json": dict(dataset.manifest),
    }


@dataclass(frozen=True)
class Draft:
    """A bundle before it is written.

    Attributes:
        info: what ``bundle.json`` will say.
        files: contents by file name.
    """

    info: Mapping[str, Any]
    files: Mapping[str, Any]

    def json(self, name: str) -> Any:
        """The content of a JSON file."""
        return self.files[name]


def bundle_info(
    dataset: Dataset, target: Target, kind: str, fitted: Fitted
) -> dict[str, Any]:
    """What ``bundle.json`` says beside the digests of the files.

    Args:
        dataset: the examples.
        target: what the model's outputs stand for.
        kind: of the model.
        fitted: the model; its packages have a say in it, as has the device.
    """
    manifest = dataset.manifest
    generator = manifest["generator"]
    return {
        "application": generator["name"],
        "generator": {name: generator[name] for name in ("name", "question", "digest")},
        "dataset": manifest["digest"],
        "observed": manifest["observed"],
        "split": manifest["split"],
        "label": manifest["label"],
        "model": {"kind": kind},
        **({} if target.kind == BINARY else {"target": target.to_dict()}),
        "inputs": manifest["inputs"],
        "instance": manifest["instance_fingerprint"],
        "encoder_fingerprint": manifest["encoder_fingerprint"],
        "versions": {**manifest["versions"], **versions_of(fitted.packages)},
        "device": fitted.device.to_dict(),
        "processor": processor(),
    }


def versions_of(packages: Sequence[str]) -> dict[str, str]:
    """The versions of installed packages."""
    from importlib.metadata import version

    return {name: version(name) for name in packages}
