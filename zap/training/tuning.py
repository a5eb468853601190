"""A search for settings: an Optuna study in an SQLite file, led from one process.

Whoever leads the search asks for settings and tells what became of them; the processes
that train never open the file. SQLite is no place for parallel writers, and led from
one place a trial's settings follow from the seed and the trials before it alone: the
sampler is seeded anew for each. So a search that was stopped goes on as if it had not
been, and with one worker ends at the same settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zap.errors import MissingExtraError, TrainingError
from zap.training.config import ModelConfig
from zap.training.search_file import check_file, stored_in
from zap.training.space import Choices, Range, Space, check_base, is_whole
from zap.training.trials import (
    BASE,
    COMPLETE,
    DONE,
    INTERRUPTED,
    REASON,
    RUNNING,
    Record,
    Trial,
    record_of,
)

if TYPE_CHECKING:
    import optuna

STUDY = "zap tune"
IDENTITY = "identity"
_BEFORE_PRUNING = 5
_FEWEST_TO_WEIGH = 8


class Search:
    """A search in a file; made, or taken up where it was left.

    Trials that were running when a search ended are interrupted and tried again. The
    first trial is the base. None of its methods may be called by two threads at once.

    Args:
        storage: the SQLite file.
        space: what may be chosen.
        base: settings of the first trial, and of all that is not searched.
        identity: what else makes it this search, as JSON: the data, say.
        seed: of the sampler.

    Raises:
        TrainingError: the base is not in the space; or the file holds something else.
        MissingExtraError: Optuna is not installed.
    """

    def __init__(
        self,
        storage: Path,
        space: Space,
        base: ModelConfig,
        identity: Mapping[str, Any],
        seed: int = 0,
    ):
        check_base(space, base)
        self._optuna = import_optuna()
        self._space, self._base, self._seed = space, base, seed
        self._study = self._opened(storage)
        self._check_identity(storage, dict(identity))
        self._running: dict[int, optuna.Trial] = {}
        self.take_up()

    def _opened(self, storage: Path) -> optuna.Study:
        check_file(storage)
        # After a quarter of the epochs a trial goes that has never been as good as
        # half of the complete ones were then; before, the averaged weights say little.
        pruner = self._optuna.pruners.MedianPruner(
            n_startup_trials=_BEFORE_PRUNING,
            n_warmup_steps=max(2, self._base.epochs // 4),
            n_min_trials=3,
        )
        study: optuna.Study = self._optuna.create_study(
            storage=stored_in(storage),
            study_name=STUDY,
            load_if_exists=True,
            pruner=pruner,
        )
        return study

    def _check_identity(self, storage: Path, identity: dict[str, Any]) -> None:
        there = self._study.user_attrs.get(IDENTITY)
        if there is None:
            self._study.set_user_attr(IDENTITY, identity)
            return
        other = [key for key in identity if identity[key] != there.get(key)]
        if other:
            raise TrainingError(
                "Expected the storage of this very search, to go on with it. Received: "
                f"storage={storage}, which holds one with other {', '.join(other)}. "
                "Name another file with --storage, or remove this one."
            )

    def take_up(self) -> None:
        """Interrupts what is running, and lets it be tried again."""
        failed, waiting = self._optuna.trial.TrialState.FAIL, False
        for trial in self.records():
            if trial.state == RUNNING:
                self._study.tell(trial.number, state=failed)
                attrs = {BASE: trial.base}
                self._study.enqueue_trial(self._again(trial), user_attrs=attrs)
            waiting |= trial.base and trial.state != INTERRUPTED
        self._running.clear()
        if not waiting:
            settings = self._base_settings()
            self._study.enqueue_trial(settings, user_attrs={BASE: True})

    def _again(self, trial: Record) -> dict[str, Any]:
        """Settings of a trial that was running; it may have ended amid their choice.

        Half of them would not do: the sampler would choose the rest as it chooses
        first ones, and so others than it had.
        """
        if trial.base:
            return self._base_settings()
        whole = set(trial.settings) == set(self._space)
        return dict(trial.settings) if whole else {}

    def _base_settings(self) -> dict[str, Any]:
        return {name: getattr(self._base, name) for name in self._space}

    def next(self, total: int) -> Trial | None:
        """The settings to try next; None if ``total`` trials are done or running."""
        begun = sum(r.state in (*DONE, RUNNING) for r in self.records())
        if begun >= total:
            return None
        self._study.sampler = self._optuna.samplers.TPESampler(
            seed=int(np.random.SeedSequence([self._seed, begun]).generate_state(1)[0])
        )
        trial = self._study.ask()
        chosen = {n: _suggested(trial, n, d) for n, d in self._space.items()}
        self._running[trial.number] = trial
        base = bool(trial.user_attrs.get(BASE))
        return Trial(trial.number, replace(self._base, **chosen), base)

    def report(self, trial: Trial, epoch: int, loss: float) -> bool:
        """Notes an epoch.

        Args:
            trial: that is being trained.
            epoch: 1 for the first.
            loss: of the stopping half, comparable between trials.

        Returns:
            Whether the trial shall go on; the base always does.
        """
        running = self._running[trial.number]
        running.report(loss, epoch)
        return trial.base or not running.should_prune()

    def complete(self, trial: Trial, loss: float) -> None:
        """Notes that a trial was trained to its end."""
        if not math.isfinite(loss):
            self.fail(trial, f"the loss of the calibrated model is {loss}")
        else:
            self._study.tell(self._running.pop(trial.number), loss)

    def prune(self, trial: Trial) -> None:
        """Notes that a trial was given up."""
        state = self._optuna.trial.TrialState.PRUNED
        self._study.tell(self._running.pop(trial.number), state=state)

    def fail(self, trial: Trial, reason: str) -> None:
        """Notes that a trial failed by its own settings; it is not tried again."""
        running = self._running.pop(trial.number)
        running.set_user_attr(REASON, reason)
        self._study.tell(running, state=self._optuna.trial.TrialState.FAIL)

    def records(self) -> list[Record]:
        """All trials, in the order of their numbers."""
        return [record_of(trial) for trial in self._study.get_trials(deepcopy=False)]

    def config_of(self, record: Record) -> ModelConfig:
        """All settings of a trial."""
        return replace(self._base, **record.settings)

    def importances(self) -> dict[str, float]:
        """Share of each setting in how the losses of the complete trials differ.

        By f-ANOVA. The sum is 1, the greatest is first; empty where fewer than eight
        trials are complete. After tens of trials it is a hint and no more: settings
        without any effect still get some.
        """
        complete = [r for r in self.records() if r.state == COMPLETE]
        if len(complete) < _FEWEST_TO_WEIGH:
            return {}
        evaluator = self._optuna.importance.FanovaImportanceEvaluator(seed=self._seed)
        shares: dict[str, float] = self._optuna.importance.get_param_importances(
            self._study, evaluator=evaluator, params=list(self._space)
        )
        return shares


def import_optuna() -> Any:
    """Optuna, without its log lines.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise MissingExtraError("optuna", "train") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _suggested(trial: optuna.Trial, name: str, domain: Range | Choices) -> Any:
    if isinstance(domain, Choices):
        return trial.suggest_categorical(name, domain.choices)
    if is_whole(name):
        low, high, step = int(domain.low), int(domain.high), int(domain.step or 1)
        return trial.suggest_int(name, low, high, step=step, log=domain.log)
    return trial.suggest_float(
        name, domain.low, domain.high, step=domain.step, log=domain.log
    )
