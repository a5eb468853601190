"""The short proof before a job: a leak stops it before anything is written.

It takes the first rows of the sources in their canonical order, so that it is cheap and
the same for the same files; in the order of paths where workers are to name the files.
It proves less than ``zap check`` does, on more occasions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zap.checks.honest import require_honest
from zap.checks.prove import PROOF_EVENTS, prove
from zap.checks.report import NOTHING
from zap.checks.sample import first_rows
from zap.events.mapping import EventMapping
from zap.events.sources import Source, StoredFile
from zap.examples.generator import Generator
from zap.histories.needed import properties_to_read

NOT_CHECKED = {"verdict": "not checked"}


def prove_before(
    generator: Generator,
    sources: Sequence[Source | StoredFile],
    mapping: EventMapping,
) -> dict[str, Any]:
    """What a manifest says of the proof.

    Args:
        generator: the question.
        sources: the files of the job.
        mapping: what their rows mean.

    Returns:
        ``verdict``, ``cutoffs`` (proven), ``rounds`` and ``digest`` of the certificate.
        The verdict is "anticipates" for a rule that says so itself.

    Raises:
        CheckError: the generator sees past its cutoffs.
        ZapError: the generator does not fit the events, or they cannot be read.
    """
    properties = properties_to_read(generator)
    sample = first_rows(sources, mapping, PROOF_EVENTS, properties)
    if sample is None:
        return {"verdict": NOTHING, "cutoffs": 0, "rounds": 0}
    report = prove(generator, mapping, sample)
    if report.verdict != NOTHING:
        require_honest(report, anticipating=True)
    return report.summary()
