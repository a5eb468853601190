"""Scores a dataset with a bundle and judges the scores by what happened."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.calibrator import MatrixScaling
from zap.bundles.class_scaling import ClassScaling
from zap.bundles.mean_scaling import MeanScaling
from zap.datasets.recent import RecentSample
from zap.datasets.splits import (
    SPLITS,
    NewestSplit,
    NoSplit,
    Split,
    SubjectSplit,
    TimeSplit,
)
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits, concatenate
from zap.encoding.encoder import Encoder
from zap.errors import BundleError, DatasetError
from zap.evaluation.baselines import AnyBaseline, baseline_from_dict
from zap.evaluation.evaluate import evaluate
from zap.evaluation.evaluate_amounts import evaluate_amounts
from zap.evaluation.evaluate_classes import evaluate_classes
from zap.jobs.explain import explain
from zap.jobs.importance import field_importance
from zap.jobs.inputs import RawInput
from zap.jobs.variants import judge_variants
from zap.serving.scorer import Scorer
from zap.times import instant_us

ALL = "all"


def judge_scores(
    scorer: Scorer, baseline: AnyBaseline, visits: Visits
) -> dict[str, Any]:
    """The metrics of a frozen model, and of the simple baseline, on examples.

    Args:
        scorer: the model with its calibration.
        baseline: what it is held against.
        visits: the examples.

    Returns:
        See ``evaluate``, ``evaluate_classes`` and ``evaluate_amounts`` in
        ``zap.evaluation``: which it is follows from the scorer's calibrator.
    """
    logits, calibrator = scorer.logits(visits), scorer.calibrator
    judged = (visits.label, calibrator.apply(logits), visits.subjects_of_cutoffs())
    beside: dict[str, Any] = {
        "p_uncalibrated": calibrator.uncalibrated.apply(logits),
        "p_baseline": baseline.predict(visits.baseline),
        "weights": visits.weight,
        "baseline_name": baseline.described,
    }
    if isinstance(calibrator, ClassScaling):
        return evaluate_classes(*judged, calibrator.classes, **beside)
    if isinstance(calibrator, MeanScaling):
        return evaluate_amounts(*judged, calibrator.link, **beside)
    return evaluate(*judged, **beside)


def judge_part(
    scorer: Scorer, baseline: AnyBaseline, dataset: Dataset, split: str, visits: Visits
) -> dict[str, Any]:
    """All that is said of a model on one part of a dataset, or on ``all``.

    Args:
        scorer: the model with its calibration.
        baseline: what it is held against.
        dataset: the examples.
        split: the part.
        visits: that part, as ``read_split`` reads it.

    Returns:
        As ``judge_scores``; where labels are true or false also slices, moments,
        importance, and the variants of a test part.
    """
    metrics = judge_scores(scorer, baseline, visits)
    if not isinstance(scorer.calibrator, MatrixScaling):
        return metrics
    kinds = dataset.manifest["statistics_kinds"]
    return {
        **metrics,
        **explain(visits, scorer.predictions(visits), kinds),
        "importance": field_importance(scorer, dataset.encoder, visits),
        **judge_variants(scorer, dataset, split),
    }


def evaluate_dataset(bundle: Bundle, dataset: Dataset, split: str) -> dict[str, Any]:
    """The metrics of a bundle on one part of a dataset, or on ``all``.

    Raises:
        BundleError: the dataset was made with another encoder than the bundle's, or
            its labels are of another kind.
        DatasetError: the part has no examples.
    """
    scorer = Scorer.from_bundle(bundle)
    scorer.check_encoder(dataset.manifest["encoder_fingerprint"])
    check_label(bundle, dataset.manifest["label"])
    baseline = baseline_from_dict(bundle.json("baseline.json"))
    visits = read_split(dataset, split)
    return judge_part(scorer, baseline, dataset, split, visits)


def read_split(dataset: Dataset, split: str) -> Visits:
    """The visits of one part of a dataset, or of ``all`` that it has."""
    if split != ALL:
        return dataset.read(split)
    filled = [name for name in SPLITS if dataset.parts(name)]
    if not filled:
        raise DatasetError(
            f"Expected examples in {dataset.path}. Received: none in any split."
        )
    # In one order, so that a bootstrap draws the same subjects as from raw events.
    return concatenate([dataset.read(name) for name in filled]).canonical_order()


def evaluate_raw(
    bundle: Bundle,
    raw: RawInput,
    split: str = ALL,
    beam_args: Sequence[str] = (),
    max_bad_share: float = 0.01,
    watch: Callable[[str], Any] | None = None,
) -> dict[str, Any]:
    """The metrics of a bundle on raw events.

    Args:
        bundle: whose encoder, model and split are used.
        raw: the generator that cuts and labels; its instance must be the bundle's.
        split: ``all`` scores every example; a part scores the subjects (or times) that
            were in that part when the bundle was trained.
        beam_args: Beam's own options.
        max_bad_share: share of bad rows above which the job fails.
        watch: as for ``zap.beam.generate.generate``.

    Raises:
        BundleError: the generator asks for another instance than the bundle's, or
            its labels are of another kind.
        ZapError: as for ``zap.beam.generate.generate``.
    """
    from zap.beam.generate import GenerateOptions, generate

    encoder = Encoder.from_dict(bundle.json("encoder.json"))
    check_instance(bundle, raw)
    check_label(bundle, raw.generator.label_schema())
    raw.generator.use_instance(encoder.instance)
    options = GenerateOptions(
        split=NoSplit() if split == ALL else split_from_dict(bundle.info["split"]),
        encoder=encoder,
        beam_args=tuple(beam_args),
        max_bad_share=max_bad_share,
        check=False,  # the bundle's manifest says what was proven when it was trained
        recent=RecentSample(0),
    )
    with tempfile.TemporaryDirectory(prefix="zap-") as folder:
        output = Path(folder) / "examples"
        dataset = generate(
            raw.generator, raw.paths, raw.mapping, output, options, watch
        )
        return evaluate_dataset(bundle, dataset, split)


def check_instance(bundle: Bundle, raw: RawInput) -> None:
    """Check that the generator's instance is the one that the bundle was made for.

    Raises:
        BundleError: it is another.
    """
    made_for, asked = bundle.info["instance"], raw.generator.instance.fingerprint
    if made_for != asked:
        raise BundleError(
            "The bundle was made for another encoder: it is of "
            f"{bundle.info['generator']['name']}, whose instance differs from that of "
            f"{raw.generator.name}. Expected: instance={made_for}. Received: "
            f"instance={asked}. Use a generator with the same instance, or train anew."
        )


def check_label(bundle: Bundle, label: Mapping[str, Any]) -> None:
    """Check that labels are of the kind that the bundle's model predicts.

    Raises:
        BundleError: they are not.
    """
    made_for = bundle.info["label"]
    if made_for != label:
        raise BundleError(
            f"The bundle of {bundle.info['generator']['name']} predicts labels of "
            f"another kind. Expected: label={dict(made_for)}. Received: "
            f"label={dict(label)}. Ask a question of the same kind, or train anew."
        )


def split_from_dict(data: dict[str, Any]) -> Split:
    """The split that its ``to_dict`` described."""
    if data["by"] == "subject":
        first, second, third = data["shares"]
        return SubjectSplit((first, second, third), data["seed"])
    if data["by"] == "time":
        return TimeSplit(instant_us(data["validation"]), instant_us(data["test"]))
    if data["by"] == "newest":
        return NewestSplit(instant_us(data["test"]), data["validation"], data["seed"])
    return NoSplit()
