"""Scores a dataset with a bundle and judges the scores by what happened."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.calibrator import MatrixScaling
from zap.datasets.splits import SPLITS, NoSplit, Split, SubjectSplit, TimeSplit
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits, concatenate
from zap.encoding.encoder import Encoder
from zap.errors import BundleError, DatasetError
from zap.evaluation.baseline import Baseline
from zap.evaluation.evaluate import evaluate
from zap.jobs.explain import explain
from zap.jobs.inputs import RawInput
from zap.serving.scorer import Scorer
from zap.times import instant_us

ALL = "all"


def judge_scores(
    scorer: Scorer,
    baseline: Baseline,
    visits: Visits,
    statistics_kinds: Mapping[str, str],
) -> dict[str, Any]:
    """The metrics of a frozen model, and of the simple baseline, on examples.

    Args:
        scorer: the model with its calibration.
        baseline: what it is held against.
        visits: the examples.
        statistics_kinds: as the dataset's manifest gives them.

    Returns:
        See ``zap.evaluation.evaluate`` and ``zap.jobs.explain``.
    """
    logits = scorer.logits(visits)
    calibrated = scorer.calibrator.apply(logits)
    metrics = evaluate(
        visits.label,
        calibrated,
        visits.subjects_of_cutoffs(),
        p_uncalibrated=MatrixScaling().apply(logits),
        p_baseline=baseline.predict(visits.baseline),
        weights=visits.weight,
    )
    return metrics | explain(visits, calibrated, statistics_kinds)


def evaluate_dataset(bundle: Bundle, dataset: Dataset, split: str) -> dict[str, Any]:
    """The metrics of a bundle on one part of a dataset, or on ``all``.

    Raises:
        BundleError: the dataset was made with another encoder than the bundle's.
        DatasetError: the part has no examples.
    """
    scorer = Scorer.from_bundle(bundle)
    scorer.check_encoder(dataset.manifest["encoder_fingerprint"])
    baseline = Baseline.from_dict(bundle.json("baseline.json"))
    visits = read_split(dataset, split)
    return judge_scores(scorer, baseline, visits, dataset.manifest["statistics_kinds"])


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
        BundleError: the generator asks for another instance than the bundle's.
        ZapError: as for ``zap.beam.generate.generate``.
    """
    from zap.beam.generate import GenerateOptions, generate

    encoder = Encoder.from_dict(bundle.json("encoder.json"))
    check_instance(bundle, raw)
    raw.generator.use_instance(encoder.instance)
    options = GenerateOptions(
        split=NoSplit() if split == ALL else split_from_dict(bundle.info["split"]),
        encoder=encoder,
        beam_args=tuple(beam_args),
        max_bad_share=max_bad_share,
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


def split_from_dict(data: dict[str, Any]) -> Split:
    """The split that its ``to_dict`` described."""
    if data["by"] == "subject":
        first, second, third = data["shares"]
        return SubjectSplit((first, second, third), data["seed"])
    if data["by"] == "time":
        return TimeSplit(instant_us(data["validation"]), instant_us(data["test"]))
    return NoSplit()
