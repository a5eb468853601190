"""``zap collect deliver``: what the collector's child process runs."""

from __future__ import annotations

import argparse
import signal
import threading
from dataclasses import asdict

from zap.cli.collect_arguments import add_places, settings_of
from zap.cli.command import Command, Outcome


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_places(parser)
    parser.add_argument(
        "--once",
        action="store_true",
        help="end when what is there now is delivered; exit code 1 if a sink fails",
    )
    parser.add_argument(
        "--until-stdin-ends",
        action="store_true",
        help="end with the process that holds the other end of standard input",
    )


def run(args: argparse.Namespace) -> Outcome:
    """Deliver until the process is asked to end."""
    from zap.collect.delivery.child import when_stdin_ends
    from zap.collect.delivery.delivery import Delivery
    from zap.collect.sinks.opening import delivery_options, open_sinks

    config = settings_of(args)
    options = delivery_options(config, once=args.once)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if args.until_stdin_ends:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when
        when_stdin_ends(stop.set)
    if args.once:
        stop.set()
    delivery = Delivery(config.spool, open_sinks(config), options)
    found = {name: asdict(report) for name, report in delivery.run(stop).items()}
    if not args.json:
        for name, report in found.items():
            wrong = f", failing: {report['error']}" if report["in_a_row"] else ""
            print(f"sink {name}: {report['taken']:,} records gone through{wrong}")
    failing = any(report["in_a_row"] for report in found.values())
    return Outcome(found, 1 if failing else 0)


COMMAND = Command(
    "deliver",
    "bring what is spooled to the archive and the store",
    "Bring events from the spool to the sinks of the settings: the archive, the store, "
    "the bad\nrows. zap collect starts this by itself, unless it is told not to. Ends "
    "on SIGTERM or Ctrl-C,\nwhen what was there is delivered, or after drain_s.",
    "zap collect deliver --config collect.toml",
    configure,
    run,
    stopped="what was not delivered stays in the spool",
)
