"""Tells a user at a terminal what becomes of a job that runs elsewhere."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

_TOLD = ("apache_beam.runners.dataflow.dataflow_runner", "zap.beam")
_QUIET = ("apache_beam.runners.portability.stager",)  # of wheels that fit, and others
_KNOWN = "Pipeline has additional dependencies"  # the docs say when an image is better


@contextlib.contextmanager
def telling() -> Iterator[None]:
    """Tell on stderr what becomes of the job: its states, and Dataflow's messages."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.addFilter(lambda record: not record.getMessage().startswith(_KNOWN))
    told = [logging.getLogger(name) for name in _TOLD]
    quiet = [logging.getLogger(name) for name in _QUIET]
    before = [(each, each.level, each.propagate) for each in (*told, *quiet)]
    for each in quiet:
        each.setLevel(logging.ERROR)
    for each in told:
        each.addHandler(handler)
        each.setLevel(logging.INFO)
        each.propagate = False
    try:
        yield
    finally:
        for each, level, propagate in before:
            each.removeHandler(handler)
            each.setLevel(level)
            each.propagate = propagate
