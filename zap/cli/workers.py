"""``zap workers``: Python workers for the machines of a cluster."""

from __future__ import annotations

import argparse
import signal
from typing import Any

from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--port",
        type=int,
        default=50_000,
        metavar="N",
        help="where the runner asks for workers; 0 for a free one (default 50000)",
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on (default 127.0.0.1, for task managers of this "
        "machine). Whoever reaches it can have code run here",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Serve workers until told to end."""
    from zap.beam.pool import WorkerPool

    def end(*_: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    with WorkerPool(args.port, args.host) as pool:
        address = f"{args.host}:{pool.port}"
        if not args.json:
            print(f"Workers at {address}; Ctrl-C ends them.", flush=True)
        pool.wait()
    return {"address": address}


COMMAND = Command(
    "workers",
    "Python workers for the machines of a cluster",
    "Serve Python workers on this machine to a Flink cluster, or to another runner\n"
    "that asks for them by Beam's protocol (--environment_type=EXTERNAL). Start it on\n"
    "every machine that has a task manager, where Zap and your generators can be\n"
    "imported; it serves any number of jobs until it is ended.",
    "zap workers --port 50000",
    configure,
    run,
    stopped="all workers have ended",
)
