"""What a model's numbers become under the counterfactual versions of the test part."""

from __future__ import annotations

from typing import Any

import numpy as np

from zap.datasets.splits import SPLITS
from zap.datasets.store import Dataset
from zap.datasets.variants import with_variant
from zap.datasets.visits import Visits
from zap.evaluation.variants import Scored, compare
from zap.serving.scorer import Scorer

TEST = "test"


def judge_variants(
    scorer: Scorer, dataset: Dataset, split: str = TEST
) -> dict[str, Any]:
    """The metrics of a model on each variant beside those on the test part as it is.

    Args:
        scorer: the model with its calibration.
        dataset: the examples and their variants.
        split: the part that is judged; only the test part has variants.

    Returns:
        ``{"variants": {name: ...}}``, each as ``zap.evaluation.variants.compare`` gives
        it with ``lacking``, the number of test examples that lack a late event; empty
        where the dataset has no variants, or labels that are not true or false.
    """
    others = [name for name in SPLITS if name != TEST and dataset.parts(name)]
    is_test = split == TEST or not others
    if not is_test or not dataset.variants or not is_binary(dataset):
        return {}
    test = dataset.read("test") if dataset.parts("test") else None
    found = {}
    for name in dataset.variants:
        touched = dataset.read_touched(name)
        variant = with_variant(test, touched)
        as_is = test or variant.take_visits(np.zeros(0, np.int64))
        hashes = np.unique(touched.subject_hash)
        compared = compare(scored(scorer, as_is), scored(scorer, variant), hashes)
        lacking = dataset.manifest["variants"][name]["lacking"]
        found[name] = compared | {"lacking": lacking}
    return {"variants": found}


def is_binary(dataset: Dataset) -> bool:
    """Whether labels are true or false."""
    return bool(dataset.manifest["label"]["kind"] == "binary")


def scored(scorer: Scorer, visits: Visits) -> Scored:
    """The examples with the probabilities of the model."""
    empty = np.zeros(0)
    return Scored(
        visits.label.astype(np.float64),
        scorer.probabilities(visits) if visits.cutoffs else empty,
        visits.weight.astype(np.float64),
        visits.subjects_of_cutoffs(),
        visits.instant_us,
    )
