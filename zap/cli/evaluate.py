"""``zap evaluate``: a bundle held against what happened."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.arguments import add_input, raw_input_of
from zap.cli.command import Command
from zap.cli.metric_arguments import add_to, say_written, table_of, write


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--bundle", required=True, metavar="DIR", help="a bundle of zap train"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--examples", metavar="DIR", help="a dataset of zap generate")
    source.add_argument(
        "--generator", metavar="NAME", help="cut and label raw events with this one"
    )
    add_input(parser)
    parser.add_argument(
        "--split",
        choices=("train", "validation", "test", "all"),
        help="part to judge; test for --examples, all for raw events, if left out",
    )
    parser.add_argument("--report", metavar="FILE", help="write an HTML report")
    add_to(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Score, judge and print the metrics."""
    from zap.bundles.bundle import Bundle
    from zap.cli.progress import print_table, progress
    from zap.evaluation.headline import summary_table

    bundle = Bundle.load(args.bundle)
    table = table_of(args)
    with progress() as line:
        line.stage("generate" if args.generator else "score")
        metrics, scope = _evaluate(args, bundle, line)
    if args.report:
        from zap.jobs.report import report_bundle

        report_bundle(bundle, metrics, args.report, scope=scope)
    info = bundle.info
    question, application = info["generator"]["question"], info.get("application")
    judged = ("evaluate", application, bundle.version, question, scope)
    written = write(table, judged, metrics)
    if not args.json:
        print_table(bundle.info["generator"]["question"], summary_table(metrics))
        if args.report:
            print(f"Report: {args.report}")
        say_written(written)
    return {**metrics, **written}


def _evaluate(
    args: argparse.Namespace, bundle: Any, line: Any
) -> tuple[dict[str, Any], str]:
    """The metrics, and the examples judged in words."""
    if args.examples:
        from zap.datasets.store import Dataset
        from zap.jobs.score import evaluate_dataset

        split = args.split or "test"
        metrics = evaluate_dataset(bundle, Dataset.open(args.examples), split)
    else:
        from zap.jobs.score import evaluate_raw

        split = args.split or "all"
        raw = raw_input_of(args)
        metrics = evaluate_raw(
            bundle, raw, split, args.beam_args, args.max_bad_share, line.workspace
        )
    return metrics, "all examples" if split == "all" else f"the {split} split"


COMMAND = Command(
    "evaluate",
    "judge a model on examples or on raw events",
    "Score examples with a bundle's frozen model and judge the scores. From raw "
    "events,\nevery example is scored unless --split names a part. Options that are "
    "not listed go\nto Beam.",
    "zap evaluate --bundle bundle --examples examples --report report.html",
    configure,
    run,
    takes_beam_options=True,
)
