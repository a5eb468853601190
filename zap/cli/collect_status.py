"""``zap collect status``: how far the sinks are, and what is wrong."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any

from zap.cli.collect_arguments import add_places, settings_of
from zap.cli.command import Command, Outcome
from zap.errors import CollectError


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_places(parser)


def run(args: argparse.Namespace) -> Outcome:
    """Show it; the exit code is 1 where something is wrong."""
    from zap.collect.delivery.status import delivery_status
    from zap.collect.sinks.opening import sink_names

    config = settings_of(args)
    if not os.path.isdir(config.spool):
        raise CollectError(
            "Expected the spool of a collector. Received: "
            f"spool={config.spool}, no such folder. zap collect makes it when it "
            "first runs; name another with --spool."
        )
    found = delivery_status(config.spool, sink_names(config))
    if not args.json:
        _show(found)
    return Outcome(found, 0 if found["well"] else 1)


def _show(found: Mapping[str, Any]) -> None:
    from zap.cli.tables import DASH, print_columns

    spool, delivery = found["spool"], found["delivery"]
    print(
        f"{spool['folder']}: records {spool['oldest']:,} to {spool['end']:,}, "
        f"{spool['bytes'] / 1e6:,.1f} MB of {spool['max_bytes'] / 1e6:,.0f} MB"
        + (", which is FULL" if spool["full"] else "")
    )
    if spool["inbox"]:
        print(f"{spool['inbox']:,} files of replayed rows wait for the collector")
    if spool["failing"]:
        print(f"it can't be written: {spool['failing']}")
    if delivery["running"]:
        print(f"delivered by process {delivery['pid']}")
    elif any(sink["lag_events"] for sink in found["sinks"].values()):
        print("NOT delivered: no process does it")
    else:
        print("no process delivers, and nothing waits")
    if delivery["problem"]:
        print(f"the spool can't be trimmed: {delivery['problem']}")
    rows = [
        [
            name,
            f"{sink['position']:,}",
            f"{sink['lag_events']:,}",
            f"{sink['lag_s']:,.1f} s",
            "failing" if sink["failing"] else "well",
            _moment(sink["error_us"]) if sink["error"] else DASH,
        ]
        for name, sink in found["sinks"].items()
    ]
    head = ["sink", "position", "behind", "for", "state", "last error at"]
    print_columns("Sinks", head, rows)
    for name, sink in found["sinks"].items():
        if sink["skipped"]:
            print(f"{name}: {sink['skipped']:,} records had left the spool before")
        if sink["error"]:
            print(f"{name}: {sink['error']}")
        for what, problem in sink["problems"].items():
            print(f"{name}: {what}: {problem}")


def _moment(at_us: int) -> str:
    from zap.times import iso

    return iso(at_us)


COMMAND = Command(
    "status",
    "how far the sinks are, and what is wrong",
    "Show what the spool holds, how far each sink is behind, and the last error of "
    "each. The\nexit code is 1 where nothing delivers what waits, a sink fails, or "
    "the spool is full.",
    "zap collect status --config collect.toml",
    configure,
    run,
    stopped="nothing was changed",
)
