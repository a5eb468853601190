"""``zap forget``: take one subject out of all places where Zap keeps it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zap.cli.command import Command, Outcome

if TYPE_CHECKING:
    from zap.collect.forgetting import Collected

_TIMEOUT_MS = 10_000


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        help="as in the column of the subject; - reads it from standard input, so that "
        "no history of commands keeps it",
    )
    parser.add_argument(
        "--registry", metavar="ROOT", help="where models lie (default: ZAP_REGISTRY)"
    )
    parser.add_argument(
        "--application", action="append", metavar="NAME", help="only this one; repeat"
    )
    parser.add_argument(
        "--store", metavar="URL", help="the event store too, such as sqlite:events.db"
    )
    parser.add_argument(
        "--log", metavar="DIR", help="forget in this prediction log as well"
    )
    parser.add_argument(
        "--collect",
        metavar="FILE",
        help="settings of a collector: forget in its spool, archive and bad rows",
    )
    parser.add_argument(
        "--archive", metavar="DIR", help="forget in this archive of collected events"
    )


def run(args: argparse.Namespace) -> Outcome:
    """Forget the subject, and say what was reached and what was not."""
    from zap.bundles.registry import default_root
    from zap.cli.stores import existing_store
    from zap.jobs.forget import forget

    subject = args.subject
    if subject == "-":
        subject = sys.stdin.readline().rstrip("\r\n")
    store = existing_store(args.store, _TIMEOUT_MS) if args.store else None
    root = args.registry or default_root()
    collected = _collected(args)
    found = forget(subject, root, args.application, args.log, store, collected)
    if not args.json:
        _show(found)
    return Outcome(found, 1 if found["refused"] else 0)


def _collected(args: argparse.Namespace) -> Collected | None:
    """Where events are collected, if anything says so."""
    if not args.collect and not args.archive:
        return None
    from pathlib import Path

    from zap.collect.forgetting import Collected

    archive = Path(args.archive) if args.archive else None
    if not args.collect:
        return Collected(archive)
    from zap.collect.app.config import load_collect_config

    return Collected.of(load_collect_config(args.collect), args.collect, archive)


def _show(found: Mapping[str, Any]) -> None:
    for place in found["reached"]:
        print(f"{place['removed']:>6,}  {place['kind']:<12}  {place['place']}")
    print(f"{found['removed']:>6,}  examples, events and predictions were forgotten")
    if not found["removed"]:
        print("No place that was reached knows this subject: check the name.")
    for title, texts in (
        ("Could not be changed", found["refused"]),
        ("Not reached", found["not_reached"]),
    ):
        if texts:
            print(f"{title}:")
            for text in texts:
                print(f"  - {text}")


COMMAND = Command(
    "forget",
    "take one subject out of examples, stores, logs and archives",
    "Take a subject out of the archived examples and the verification sets of a "
    "registry,\nout of an event store, and out of what a collector keeps, and say what "
    "could not be\nreached. May be run again at any time, while all of it runs. Exit "
    "code 1 if a place is\ndamaged or refused.",
    "zap forget visitor-17 --registry models --collect collect.toml",
    configure,
    run,
    stopped="places that were done stay done; run it again for the rest",
)
