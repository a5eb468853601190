"""Pipelines on a runner that is named, and is the one that was named.

Beam's DirectRunner may hand a pipeline to another runner without a word, so Zap names
FnApiRunner for local work, and refuses a name that does not say what will run.
"""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

from zap.errors import InputError

LOCAL = "FnApiRunner"
_LOCAL_CLASS = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
_VAGUE = ("directrunner", "direct", "switchingdirectrunner")


def make_pipeline(args: Sequence[str]) -> beam.Pipeline:
    """A pipeline with Beam's own command-line options.

    Args:
        args: options such as ``--runner=FlinkRunner`` or ``--direct_num_workers=2``.
            Without ``--runner`` it runs here, on FnApiRunner.

    Raises:
        InputError: the runner named does not say what will run, or cannot be had.
    """
    options = PipelineOptions(list(args))
    standard = options.view_as(StandardOptions)
    named = standard.runner or LOCAL
    if named.lower() in _VAGUE:
        raise InputError(
            "Expected a runner that runs what it is named for. Received: "
            f"runner={named}, which may choose another. Leave --runner out for "
            f"{LOCAL}, or name PrismRunner, FlinkRunner or DataflowRunner."
        )
    standard.runner = _LOCAL_CLASS if named.lower() == LOCAL.lower() else named
    try:
        pipeline = beam.Pipeline(options=options)
    except (ValueError, ImportError, AttributeError) as error:
        raise InputError(
            f"Expected a Beam runner. Received: runner={named}. {error}"
        ) from error
    used = type(pipeline.runner).__name__
    assert used.lower() == named.rsplit(".", 1)[-1].lower(), (used, named)
    return pipeline


def is_local(args: Sequence[str]) -> bool:
    """Whether these options run the pipeline on this machine alone."""
    runner = PipelineOptions(list(args)).view_as(StandardOptions).runner
    return runner is None or runner.lower() == LOCAL.lower()
