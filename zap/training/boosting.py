"""Gradient boosting on the metadata of an instance: the snapshot model.

What happened is told by the aggregates, last values, tenure and wait that ``instance``
declares; the sequence goes unread. LightGBM grows the trees, and nothing else is taken
from it: the frozen form is arrays, held to the library's own scores before it is kept.
Trees are grown in a fixed order of the examples and with a fixed seed, so that the same
examples give the same trees. There is nothing to resume: it takes seconds.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from zap.bundles.target import BINARY, CLASSES, LOG, Target
from zap.datasets.visits import InputSpec, Visits
from zap.errors import MissingExtraError, TrainingError
from zap.serving.trees import Trees
from zap.training.checks import check_examples, check_settings
from zap.training.config import ModelConfig
from zap.training.history import Epoch
from zap.training.lightgbm_text import trees_of
from zap.training.tabular import columns_of, matrix, told

TREES_AN_EPOCH = 20
TOLERANCE = 1e-9
_CELLS_A_THREAD = 20_000_000
_OBJECTIVES = {BINARY: "binary", CLASSES: "multiclass"}


@dataclass(frozen=True)
class BoostedTrees:
    """Trees with the best number of them, and how they came to be.

    Attributes:
        trees: the ensemble as it is served.
        text: LightGBM's own form of the same.
        history: one entry an epoch of 20 trees; of classes, 20 a class.
    """

    trees: Trees
    text: str
    history: list[Epoch]


def boost(
    train: Visits,
    validation: Visits,
    spec: InputSpec,
    config: ModelConfig,
    target: Target,
    progress: Callable[[Epoch], None] | None = None,
) -> BoostedTrees:
    """Grows trees until the validation loss has not been lower for too long.

    Args:
        train: the examples to learn from.
        validation: examples of other subjects, for early stopping.
        spec: the shape of the inputs.
        config: the settings; of the kind "trees".
        target: what the labels are.
        progress: called after each epoch.

    Returns:
        The trees up to the lowest validation loss.

    Raises:
        TrainingError: no model can be trained on these examples.
        MissingExtraError: LightGBM is not installed.
    """
    check_settings(target, config)
    check_examples(train, validation, target)
    if not spec.metadata_size:
        raise TrainingError(
            "Expected an instance with metadata or aggregates, which is all that trees "
            "see. Received: metadata_size=0. Declare aggregates=windows(...) in the "
            "instance, or choose a kind that reads the events."
        )
    run = _Run(train.canonical_order(), validation.canonical_order(), config, target)
    while not run.finished:
        run.epoch()
        if progress:
            progress(run.history[-1])
    return run.best()


class _Run:
    """One training: the booster and the epochs so far."""

    def __init__(
        self, train: Visits, validation: Visits, config: ModelConfig, target: Target
    ):
        self.history: list[Epoch] = []
        self._config, self._target = config, target
        self._columns = columns_of(train, config.leaf_rows)
        x, self._x = (matrix(part, self._columns) for part in (train, validation))
        self._validation = validation
        settings = _settings(config, target, x.size)
        lightgbm = _lightgbm()
        label, weight = told(train, config, target)
        data = lightgbm.Dataset(x, label, weight=weight, params=settings)
        label, weight = told(validation, config, target)
        held_out = data.create_valid(self._x, label, weight, params=settings)
        self._booster = lightgbm.Booster(settings, data)
        self._booster.add_valid(held_out, "validation")
        self._losses: list[float] = []
        self._grown_out = False

    @property
    def finished(self) -> bool:
        """Whether the last epoch is done, or no epoch was better for too long."""
        done = len(self.history)
        best = max((e.epoch for e in self.history if e.best), default=0)
        late = done - best >= self._config.patience
        return self._grown_out or done >= self._config.epochs or late

    def epoch(self) -> None:
        """Grows 20 trees, and looks at the validation loss after each."""
        before = min(self._losses, default=math.inf)
        for _ in range(TREES_AN_EPOCH):
            self._grown_out = bool(self._booster.update())
            self._losses.append(float(self._booster.eval_valid()[0][2]))
            if self._grown_out:
                break
        self.history.append(
            Epoch(
                len(self.history) + 1,
                self._config.epochs,
                float(self._booster.eval_train()[0][2]),
                self._losses[-1],
                min(self._losses) < before,
                self._unweighted(),
            )
        )

    def best(self) -> BoostedTrees:
        """The trees up to the lowest loss, and their frozen form, compared."""
        count = int(np.argmin(self._losses)) + 1
        text: str = self._booster.model_to_string(num_iteration=count)
        trees = trees_of(text, self._columns, self._target.outputs)
        theirs = self._booster.predict(self._x, raw_score=True, num_iteration=count)
        theirs = np.reshape(theirs, (len(self._x), trees.sums))
        ours = trees.raw(self._x.astype(np.float64))
        worst = np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs)))
        if not worst <= TOLERANCE:
            raise TrainingError(
                f"Expected the trees to score as LightGBM does, within {TOLERANCE}. "
                f"Received: largest difference={worst:.3g}. Use the version of "
                "LightGBM in constraints.txt."
            )
        return BoostedTrees(trees, text, self.history)

    def _unweighted(self) -> float:
        """The validation loss of the model with the weight of positives taken out."""
        if self._config.positive_weight == 1:
            return self._losses[-1]
        margin = self._booster.predict(self._x, raw_score=True)
        margin = margin - math.log(self._config.positive_weight)
        losses = np.logaddexp(0.0, margin) - self._validation.label * margin
        return float(np.average(losses, weights=self._validation.weight))


def _settings(config: ModelConfig, target: Target, cells: int) -> dict[str, Any]:
    """LightGBM's parameters; on few examples a second thread costs more than it gives.

    Args:
        config: the settings.
        target: what the labels are.
        cells: rows times columns of the training matrix.
    """
    amounts = "poisson" if target.link == LOG else "regression"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return {
        "objective": _OBJECTIVES.get(target.kind, amounts),
        **({"num_class": target.outputs} if target.kind == CLASSES else {}),
        "num_leaves": config.leaves,
        "min_data_in_leaf": config.leaf_rows,
        "lambda_l2": config.leaf_l2,
        "learning_rate": config.shrinkage,
        "feature_fraction_bynode": config.columns,
        "seed": config.seed,
        "use_missing": False,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": min(cores, 1 + cells // _CELLS_A_THREAD),
        "verbosity": -1,
    }


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ModuleNotFoundError as error:
        raise MissingExtraError("lightgbm", "train") from error
    return lightgbm
