"""``zap retrain``: the newest window of events to a live model, gate by gate."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.command import Command, Outcome
from zap.cli.registry_arguments import add_signature, root_of

_TOLD = ("generator", "mapping", "window_days", "holdout_days")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add("application", metavar="APPLICATION", help="its name in the registry")
    add(
        "--registry",
        metavar="ROOT",
        help="folder of the registry (default: ZAP_REGISTRY, or models)",
    )
    add("--generator", metavar="NAME", help="needed at the first run")
    add(
        "--input",
        nargs="+",
        metavar="PATH",
        help="files, globs or directories of raw events; %%Y, %%m and %%d in a path "
        "are filled in for each day of the window",
    )
    add("--mapping", metavar="FILE", help="how rows become events")
    add("--window-days", type=int, metavar="N", help="7 to 60 (default 28)")
    add(
        "--holdout-days",
        type=int,
        metavar="N",
        help="the newest days, on which models are judged (default 7)",
    )
    add("--config", metavar="FILE", help="settings of the model, JSON")
    add(
        "--warm-start",
        action="store_true",
        default=None,
        help="begin with the weights of the live version, where they fit",
    )
    add(
        "--require-approval",
        action="store_true",
        default=None,
        help="stop before deploying, until somebody approves",
    )
    add(
        "--until",
        metavar="DATE",
        help="end of the window, exclusive, UTC (default: end of the complete data)",
    )
    add(
        "--trust-data",
        action="store_true",
        help="let data pass that the gate suspects; say why with --reason",
    )
    add("--approve", metavar="RUN", help="deploy the version of a run that waits")
    add_signature(parser)


def run(args: argparse.Namespace) -> Outcome:
    """Run the stages that are left, and print each verdict."""
    from zap.bundles.names import user_name
    from zap.cli.progress import progress
    from zap.jobs.retrain.work import Signature, Watchers

    by = Signature(args.by or user_name(), args.reason)
    with progress() as line:
        if args.approve:
            from zap.jobs.retrain.approval import approve

            found = approve(root_of(args), args.application, args.approve, by)
        else:
            from zap.times import instant_us

            # Before the seconds that the stages take to import.
            options = options_of(args)
            until_us = instant_us(args.until) if args.until else None
            from zap.jobs.retrain.job import retrain

            found = retrain(
                root_of(args),
                args.application,
                options,
                until_us=until_us,
                trust_data=args.trust_data,
                signature=by,
                watchers=Watchers(line.stage, line.epoch),
            )
    if not args.json:
        for stage in found.stages:
            print(f"{stage['stage']:<10} {stage['verdict']:<8} {stage['said']}")
        print(f"Run: {found.run}{' (already done)' if found.already else ''}")
        print(f"Live: {found.live}\nReport: {found.report}")
    return Outcome(found.to_dict(), 1 if found.refused else 0)


def options_of(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that the arguments give."""
    import os

    options = {name: getattr(args, name) for name in _TOLD}
    options |= {
        "warm_start": args.warm_start,
        "require_approval": args.require_approval,
    }
    if args.config:
        from zap.training.settings import read_config

        options["model"] = read_config(args.config).to_dict()
    if args.input:
        options["input"] = tuple(
            path if "://" in path else os.path.abspath(path) for path in args.input
        )
    if args.mapping:
        options["mapping"] = os.path.abspath(args.mapping)
    return {name: value for name, value in options.items() if value is not None}


COMMAND = Command(
    "retrain",
    "a new model from the newest events, if every gate lets it pass",
    "Read the newest window of events, hold it against the weeks before, train and\n"
    "calibrate a model, hold it against the versions before it on examples that none "
    "has\nseen, archive, verify and deploy it. A gate that refuses leaves the live "
    "version and\nsays why (exit code 1). Given again, the command goes on where it "
    "was stopped, or\nanswers that it is done.",
    "zap retrain shop --generator simulated_shop --input simulated/events "
    "--mapping simulated/mapping.toml",
    configure,
    run,
    stopped="stages that were done are kept; give the command again to go on",
)
