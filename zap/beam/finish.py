"""What is done once all files of a dataset are written: it is judged and published."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zap.beam.options import GenerateOptions
from zap.beam.pipeline import RESULT
from zap.beam.sources import LISTING
from zap.beam.verdict import conclude
from zap.beam.write import CANDIDATES
from zap.datasets.store import MANIFEST, Workspace
from zap.errors import DatasetError
from zap.events.mapping import EventMapping
from zap.events.sources import Source
from zap.examples.generator import Generator


@dataclass(frozen=True)
class Finish:
    """What is done once all files of a dataset are written.

    It can be done again, from wherever it was interrupted: a worker may have to.

    Attributes:
        generator: the question.
        sources: the files of raw events; None where workers name them.
        mapping: how their rows become events.
        workspace: where the files are.
        options: how the dataset is made.
        proof: what the check of the generator found.
    """

    generator: Generator
    sources: Sequence[Source] | None
    mapping: EventMapping
    workspace: Workspace
    options: GenerateOptions
    proof: Any

    def __call__(self, _: Any = None) -> None:
        """Write the manifest and publish the dataset, unless it may not be.

        Raises:
            ZapError: see `zap.beam.verdict.conclude`; or the pipeline did not end.
        """
        workspace = self.workspace
        if workspace.glob(RESULT):
            manifest = conclude(
                self.generator, self.sources, self.mapping, workspace, self.options
            )
            workspace.write_json(MANIFEST, {**manifest, "check": self.proof})
            workspace.remove(RESULT)  # without it, what follows is all that is left
        elif not workspace.glob(MANIFEST):
            raise DatasetError(
                "Expected the job to have written what it counted. Received: "
                f"{workspace.path} without {RESULT}; the runner ended without running "
                "the last step. See its log, and run the job again."
            )
        for name in workspace.glob(LISTING):
            workspace.remove(name)
        workspace.remove_folder(CANDIDATES)
        workspace.publish()
