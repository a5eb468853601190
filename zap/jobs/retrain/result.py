"""How a run ended, for its caller."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.bundles.registry import Registry
from zap.jobs.retrain.page import write_page
from zap.jobs.retrain.runs import REFUSED, RunFolder


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes:
        run: its name.
        verdict: passed (a version is live), refused or waiting.
        stage: the last one.
        said: its verdict in words.
        already: whether it had ended before.
        live: the version that is live now.
        report: the HTML report.
        stages: what each stage wrote.
    """

    run: str
    verdict: str
    stage: str
    said: str
    already: bool
    live: str | None
    report: str
    stages: list[dict[str, Any]]

    @property
    def refused(self) -> bool:
        """Whether a gate refused."""
        return self.verdict == REFUSED

    def to_dict(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {**vars(self), "refused": self.refused}


def ended(folder: Path, run: RunFolder, registry: Registry, already: bool) -> Result:
    """The result of a run, its report written if it is new."""
    stages = run.stages()
    last = stages[-1]
    report = run.path / "report.html"
    if not already or not report.exists():
        write_page(folder, run, report)
    return Result(
        run.name,
        last["verdict"],
        last["stage"],
        last["said"],
        already,
        registry.live(),
        str(report),
        stages,
    )
