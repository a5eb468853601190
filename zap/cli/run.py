"""``zap run``: the whole job."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.arguments import (
    add_dataset_options,
    add_input,
    generate_options_of,
    raw_input_of,
)
from zap.cli.command import Command
from zap.cli.notes import note_all


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "generator",
        metavar="GENERATOR",
        help="a shipped generator's name, or package.module:Class",
    )
    add_input(parser)
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="work directory to be made"
    )
    add_dataset_options(parser)
    parser.add_argument("--config", metavar="FILE", help="settings of the model, JSON")
    parser.add_argument(
        "--replace", action="store_true", help="replace an earlier run in DIR"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Run all stages and print the summary."""
    from zap.cli.progress import print_table, progress
    from zap.jobs.run import Watchers, check_output, local_output, run
    from zap.training.settings import read_config

    # What is wrong here is told before the seconds that Beam takes to import.
    config = read_config(args.config)
    check_output(local_output(args.output), args.replace)
    raw = raw_input_of(args)
    options = generate_options_of(args, raw)
    with progress() as line:
        result = run(
            raw,
            args.output,
            options,
            config,
            Watchers(line.stage, line.workspace, line.epoch),
            args.replace,
        )
    note_all(result.bundle.json("manifest.json"))
    if not args.json:
        from zap.evaluation.headline import summary_table

        print_table(raw.generator.question, summary_table(result.metrics))
        print(f"Report: {result.report}")
        print(f"Bundle: {result.bundle.path}")
    return {
        "report": str(result.report),
        "bundle": str(result.bundle.path),
        "metrics": result.metrics,
    }


COMMAND = Command(
    "run",
    "all of it: examples, model, report",
    "Generate examples from raw events, train and calibrate a model, judge it on "
    "subjects\nit has not seen, and write a report. Options that are not listed go to "
    "Beam.",
    "zap run cdnow_repurchase --output work",
    configure,
    run,
    takes_beam_options=True,
    stopped="stages that were done stay in the output; --replace begins again",
)
