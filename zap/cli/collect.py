"""``zap collect``: events as other tools' clients post them, safe on disk."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from zap.cli import collect_bad, collect_deliver, collect_replay, collect_status
from zap.cli.collect_arguments import PLACES, add_settings
from zap.cli.command import Command, Group
from zap.errors import CollectError

if TYPE_CHECKING:
    from zap.serving.api.server import Around

OPTIONS = ("spool", "archive", "store", "host", "port")
DELIVERY_ENDS_S = 10.0
"""What a delivery may take beyond its time to drain, to end the batch in its hands."""


def configure_run(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap collect``."""
    add_settings(parser)
    parser.add_argument("--spool", metavar="DIR", help="of the spool (default spool)")
    parser.add_argument(
        "--archive", metavar="DIR", help="of the archive (default archive)"
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="of recent events: sqlite:FILE, redis://HOST:PORT/0 or "
        "mongodb://HOST:PORT/DB (default none)",
    )
    parser.add_argument("--host", help="address to listen at (default 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="port to listen at; 0 takes a free one (default 8080)"
    )
    parser.add_argument(
        "--no-deliver",
        action="store_false",
        dest="deliver",
        default=None,
        help="leave events in the spool; zap collect deliver takes them elsewhere",
    )


def run_collect(args: argparse.Namespace) -> None:
    """Collect until the process is asked to end."""
    from zap.collect.app.config import load_collect_config
    from zap.collect.app.server import collect
    from zap.collect.delivery.child import child_beside, deliver_command

    given = {name: getattr(args, name) for name in (*OPTIONS, "deliver")}
    config = load_collect_config(args.config, given)
    command = None
    if config.deliver:
        command = deliver_command(args.config, {n: given[n] for n in PLACES})
    with child_beside(command, config.drain_s + DELIVERY_ENDS_S, _say):
        collect(config, lambda url: _say(f"ready at {url}"))


@contextmanager
def collecting_beside(path: str) -> Iterator[Around]:
    """A collector in another server's process, until the block ends.

    Args:
        path: of the collector's settings; its host and port play no part.
    """
    from zap.collect.app.config import load_collect_config
    from zap.collect.app.server import collecting
    from zap.collect.delivery.child import child_beside, deliver_command

    config = load_collect_config(path)
    command = deliver_command(path, {}) if config.deliver else None
    patience_s = config.drain_s + DELIVERY_ENDS_S
    with child_beside(command, patience_s, _say), collecting(config) as parts:
        yield parts.around


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def run_check(args: argparse.Namespace) -> dict[str, Any]:
    """Load all settings, and say who could post what."""
    from zap.collect.app.checking import checked
    from zap.collect.app.config import load_collect_config

    config = load_collect_config(args.config)
    found = checked(config)
    if config.mapping and not os.path.isfile(config.mapping):
        raise CollectError(
            "Expected the mapping by which the store is filled. Received: "
            f"mapping={config.mapping}, no such file. Write it, or correct the path; "
            "docs/collect-delivery.md has an example."
        )
    if not args.json:
        for name, source in found["sources"].items():
            keys = f"{source['keys']} key{'' if source['keys'] == 1 else 's'}"
            print(f"{name}: {', '.join(source['protocols'])}, {keys}")
            for origin in source["origins"]:
                print(f"  pages of {origin}")
        print(f"ready; spool {found['spool']}")
    return found


COMMAND = Group(
    "collect",
    "events from other tools' clients, safe on disk",
    "Collect events that the clients of other tools post, by their own protocols. What "
    "is\nacknowledged is on disk. Without a further word: run. Each command takes "
    "--config and\n--json.",
    "zap collect run --config collect.toml",
    (
        Command(
            "run",
            "collect until asked to end (the default)",
            "Answer clients, keep their events in the spool, and deliver them from "
            "there to the\narchive and the store in a process of its own.",
            "zap collect run --config collect.toml --port 8080",
            configure_run,
            run_collect,
            stopped="all that was acknowledged is in the spool",
        ),
        Command(
            "check",
            "load all settings, say who may post what, and end",
            "Load the settings with their keys, schemas and protocols, and say which "
            "source may\npost by which protocol from which pages. Exit code 2 where "
            "something is wrong.",
            "zap collect check --config collect.toml",
            add_settings,
            run_check,
            stopped="nothing was changed",
        ),
        collect_status.COMMAND,
        collect_deliver.COMMAND,
        collect_bad.COMMAND,
        collect_replay.COMMAND,
    ),
    default="run",
)
