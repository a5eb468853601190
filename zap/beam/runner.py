"""Pipelines on a runner that is named, and is the one that was named.

Beam's DirectRunner may hand a pipeline to another runner without a word, so Zap names
FnApiRunner for local work, and refuses a name that does not say what will run.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PipelineOptions,
    PortableOptions,
    StandardOptions,
)
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.runner import PipelineRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from zap.beam.portable import complete_options
from zap.beam.prism import PrismRunner
from zap.beam.workers import Workers
from zap.errors import InputError

LOCAL = "FnApiRunner"
_LOCAL_CLASS = "apache_beam.runners.portability.fn_api_runner.fn_runner.FnApiRunner"
_FORKED = "forked"  # no mode of Beam's, each of which brings its own environment
_VAGUE = ("directrunner", "direct", "switchingdirectrunner")


def make_pipeline(args: Sequence[str], workers: Workers | None = None) -> beam.Pipeline:
    """A pipeline with Beam's own command-line options.

    Args:
        args: options such as ``--runner=FlinkRunner`` or ``--direct_num_workers=2``.
            Without ``--runner`` it runs here, on FnApiRunner.
        workers: the processes that it runs in here; None or one for this one.

    Raises:
        InputError: the runner named does not say what will run, or cannot be had; or
            an option is unknown.
    """
    options = parse_options(args)
    standard = options.view_as(StandardOptions)
    named = standard.runner or LOCAL
    if named.lower() in _VAGUE:
        raise InputError(
            "Expected a runner that runs what it is named for. Received: "
            f"runner={named}, which may choose another. Leave --runner out for "
            f"{LOCAL}, or name PrismRunner, FlinkRunner or DataflowRunner."
        )
    local = named.lower() == LOCAL.lower()
    if local:
        _check_mode(options.view_as(DirectOptions))
    complete_options(options, named)
    standard.runner = _LOCAL_CLASS if local else named
    runner: PipelineRunner | None = None
    if local and workers is not None and workers.number > 1:
        runner = _on_processes(options.view_as(DirectOptions), workers)
    elif named.lower() == "prismrunner":
        runner = PrismRunner()
    try:
        pipeline = beam.Pipeline(runner=runner, options=options)
    except (ValueError, ImportError, AttributeError) as error:
        raise InputError(
            f"Expected a Beam runner. Received: runner={named}. {error}"
        ) from error
    used = type(pipeline.runner).__name__
    assert used.lower() == named.rsplit(".", 1)[-1].lower(), (used, named)
    return pipeline


def is_local(pipeline: beam.Pipeline) -> bool:
    """Whether a pipeline runs on the local runner, FnApiRunner."""
    return isinstance(pipeline.runner, FnApiRunner)


def shares_disk(pipeline: beam.Pipeline) -> bool:
    """Whether all workers of a pipeline are on this machine and share its disk.

    Of Prism they are threads of this process, unless it was told otherwise. Elsewhere a
    place on a disk must never travel: what it names is not there, or is another's.
    """
    if is_local(pipeline):
        return True
    portable = pipeline.options.view_as(PortableOptions)
    prism = type(pipeline.runner).__name__ == "PrismRunner"
    own = portable.environment_type in (None, "LOOPBACK")
    return prism and own and not portable.job_endpoint


def _check_mode(options: DirectOptions) -> None:
    if options.direct_running_mode == "multi_threading":
        raise InputError(
            "Expected workers that keep their elements apart. Received: "
            "direct_running_mode=multi_threading, in which Beam's threads share "
            "coders and may mix up elements. Leave it out: workers are processes."
        )


def _on_processes(options: DirectOptions, workers: Workers) -> FnApiRunner:
    """The local runner, whose workers are forked from one that has imported all."""
    options.direct_num_workers = workers.number
    options.direct_running_mode = _FORKED
    return FnApiRunner(SubprocessSDKEnvironment.from_command_string(workers.command()))


def parse_options(args: Sequence[str]) -> PipelineOptions:
    """Beam's options, none of them misspelt.

    Beam leaves out what it does not know. On another runner that may be an option of
    the runner's own; here it is a slip of the pen, and the job would not be the one
    that was asked for.

    Raises:
        InputError: an option's value does not fit, or Beam does not know the option.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            options = PipelineOptions(list(args))
            found = options.get_all_options(retain_unknown_options=True)
            runner = options.view_as(StandardOptions).runner
    except SystemExit as error:
        reason = said.getvalue().strip().rpartition("error: ")[2]
        raise InputError(
            f"Expected options of Beam. Received: {' '.join(args)} ({reason}). "
            "Correct the option."
        ) from error
    known = PipelineOptions([]).get_all_options()
    unknown = [f"--{name}" for name in found if name not in known] + _stray(args)
    if unknown and (runner is None or runner.lower() == LOCAL.lower()):
        raise InputError(
            "Expected options that this command or Beam knows. Received: "
            f"{', '.join(unknown)}. Correct them; --help lists this command's own."
        )
    return options


def _stray(args: Sequence[str]) -> list[str]:
    """Words that are neither an option nor the value of one."""
    before = ("", *args)
    return [
        arg
        for previous, arg in zip(before, args, strict=False)
        if not arg.startswith("-") and ("=" in previous or not previous.startswith("-"))
    ]
