"""``zap check``: whether a generator can be trusted."""

from __future__ import annotations

import argparse

from zap.cli.arguments import add_input, raw_input_of
from zap.cli.command import Command, Outcome


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "generator",
        metavar="NAME",
        help="a shipped generator's name, or package.module:Class",
    )
    add_input(parser)
    for name, default, what in (
        ("events", 200_000, "most events to hold, of whole subjects"),
        ("rounds", 2, "rounds of each kind, with each of three mutations"),
        ("seed", 0, "of all random choices"),
    ):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=default,
            metavar="N",
            help=f"{what} (default {default:,})",
        )
    parser.add_argument("--output", metavar="FILE", help="write the certificate, JSON")
    parser.add_argument(
        "--plot", metavar="FILE", help="draw the label rate by position, .png or .svg"
    )


def run(args: argparse.Namespace) -> Outcome:
    """Check and print the verdict; exit code 1 if the generator does not pass."""
    from zap.cli.progress import progress

    raw = raw_input_of(args)
    if args.plot:
        from zap.evaluation.plots import check_picture

        check_picture(args.plot)
    with progress() as line:
        from zap.jobs.check import check, write_certificate, write_plot

        report = check(
            raw,
            events=args.events,
            rounds=args.rounds,
            seed=args.seed,
            max_bad_share=args.max_bad_share,
            watch=lambda what: line.stage(f"Checking: {what}"),
        )
    if args.output:
        write_certificate(report, args.output)
    if args.plot:
        write_plot(report, args.plot)
    if not args.json:
        print(report.text())
        for what, path in (("Certificate", args.output), ("Chart", args.plot)):
            if path:
                print(f"{what}: {path}")
    return Outcome(report.to_dict(), 0 if report.passed else 1)


COMMAND = Command(
    "check",
    "prove that a generator sees nothing of what comes later",
    "Change, drop and shuffle what comes after the cutoffs of a sample of whole "
    "subjects,\nmake all again, and compare to the byte. Exit code 1 if the generator "
    "does not pass.",
    "zap check cdnow_repurchase",
    configure,
    run,
)
