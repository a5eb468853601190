"""``zap analyse``: what became of the predictions that were served."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from zap.cli.archive_arguments import add_log, add_period, period_of, root_of
from zap.cli.command import Command, Outcome
from zap.cli.metric_arguments import add_to, say_written, table_of, write

if TYPE_CHECKING:
    from zap.evaluation.served_alarms import Limits
    from zap.jobs.analyse.job import Asked

_LIMITS = (
    ("min_auc", None, "AUC of all matured predictions below this"),
    ("max_ece", 0.02, "calibration error above this, and above chance"),
    ("max_drift", 0.25, "PSI of scores or of an input above this, and above chance"),
    ("max_immature", None, "share of predictions without a known outcome above this"),
    ("max_overdue", 0.05, "share whose outcome should be known by now above this"),
    (
        "max_unmatched",
        0.05,
        "share of subjects whom the archive lacks above this",
    ),
)


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("application", metavar="APPLICATION", help="as in the log")
    add_log(parser)
    parser.add_argument(
        "--events",
        nargs="+",
        default=[],
        metavar="PATH",
        help="files, globs or directories of raw events: what happened; the "
        "generator's own data if left out",
    )
    parser.add_argument(
        "--mapping", metavar="FILE", help="how their rows become events"
    )
    parser.add_argument(
        "--generator",
        metavar="NAME",
        help="whose labels are asked: a shipped generator's name, or "
        "package.module:Class (default: the one that the model was trained with, if "
        "it ships with Zap)",
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="for the report and its numbers"
    )
    add_to(parser)
    add_period(parser)
    parser.add_argument(
        "--max-bad-share",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="share of bad rows above which the job fails (default 0.01)",
    )
    parser.add_argument(
        "--no-publish",
        action="store_true",
        help="leave no copy beside the log, where the server's console looks for it",
    )
    alarms = parser.add_argument_group("alarms (exit code 1 if one rings)")
    for name, default, what in _LIMITS:
        shown = "" if default is None else f" (default {default:g})"
        alarms.add_argument(
            f"--{name.replace('_', '-')}",
            type=float,
            default=default,
            metavar="X",
            help=what + shown,
        )


def run(args: argparse.Namespace) -> Outcome:
    """Join, judge, write and print; exit code 1 if an alarm rings."""
    from zap.cli.progress import print_table, progress
    from zap.jobs.analyse.job import analyse
    from zap.jobs.analyse.released import question_of
    from zap.jobs.analyse.write import publish, write_analysis
    from zap.jobs.inputs import raw_input

    asked = _asked(args)
    name = args.generator or question_of(asked.registry, asked.application)
    raw = raw_input(name, args.events, args.mapping)
    table = table_of(args)
    with progress() as line:
        analysis = analyse(asked, raw, lambda what: line.stage(f"Analysing: {what}"))
    report = write_analysis(analysis, args.output)
    if not args.no_publish:
        publish(analysis, args.log)
    about = analysis["application"], None, analysis["question"]
    # A table has the analyses of many weeks: the scope tells which, to the reader, and
    # to the id, as those of two weeks may say the same.
    scope = f"served predictions, {analysis['since']} to {analysis['until']}"
    written = write(table, ("analyse", *about, scope), analysis)
    if not args.json:
        print_table(analysis["question"], _table(analysis))
        for alarm in analysis["alarms"]:
            print(f"ALARM {alarm['said']}")
        for note in analysis["notes"]:
            print(f"Note: {note}")
        print(f"Report: {report}")
        say_written(written)
    return Outcome({**analysis, **written}, 1 if analysis["alarms"] else 0)


def _asked(args: argparse.Namespace) -> Asked:
    from zap.jobs.analyse.job import Asked

    return Asked(
        args.application,
        args.log,
        root_of(args),
        *period_of(args),
        args.max_bad_share,
        _limits(args),
    )


def _limits(args: argparse.Namespace) -> Limits:
    from zap.evaluation.served_alarms import Limits

    return Limits(**{name: getattr(args, name) for name, _, _ in _LIMITS})


def _table(analysis: dict[str, Any]) -> list[tuple[str, str]]:
    from zap.evaluation.headline import summary_table
    from zap.evaluation.words import DASH, plural

    counts, waiting = analysis["predictions"], analysis["immature"]
    rows = [("Predictions", f"{counts['n']:,} of {counts['subjects']:,} subjects")]
    if analysis["matured"]["n"]:
        found = dict(summary_table(analysis["matured"]))
        rows.append(("Matured", found.pop("Examples")))
        rows += [(name, shown) for name, shown in found.items() if shown != DASH]
    expected = waiting.get("expected")
    shown = plural(waiting["n"], "prediction")
    if isinstance(expected, float):
        shown += f", of which {expected:,.1f} positives are to be expected"
        if analysis["kind"] == "amount":
            shown = f"{plural(waiting['n'], 'prediction')}, {expected:,.2f} in all"
    rows.append(("Not matured", shown))
    dropped = {
        name.removeprefix("predictions.dropped."): number
        for name, number in analysis["counts"].items()
        if name.startswith("predictions.dropped.")
    }
    rows += [(f"Left out: {n.replace('_', ' ')}", f"{k:,}") for n, k in dropped.items()]
    return rows


COMMAND = Command(
    "analyse",
    "what became of the predictions that were served",
    "Join the prediction log with the events that came later, judge the predictions "
    "whose\noutcome is known, and hold them against the model's evaluation. Exit code "
    "1 if an\nalarm rings.",
    "zap analyse shop_purchase --log predictions --events archive --output analysis",
    configure,
    run,
)
