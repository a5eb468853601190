"""``zap serve``: predictions over HTTP."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from zap.cli.collect import collecting_beside
from zap.cli.command import Command

if TYPE_CHECKING:
    from zap.serving.api.server import Running

OPTIONS = ("registry", "store", "log", "keys", "host", "port", "threads", "points")


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--registry",
        metavar="ROOT",
        help="folder or URL of the versions (default: ZAP_REGISTRY, or models)",
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="of recent events: sqlite:FILE, redis://HOST:PORT/0 or "
        "mongodb://HOST:PORT/DB (default sqlite:events.db)",
    )
    parser.add_argument(
        "--log", metavar="DIR", help="of the prediction log (default predictions)"
    )
    parser.add_argument(
        "--config", metavar="FILE", help="TOML file with these and all other settings"
    )
    parser.add_argument(
        "--keys",
        metavar="FILE",
        help="of callers' keys, which zap keys makes (default: none, and this machine "
        "alone is answered)",
    )
    parser.add_argument("--host", help="address to listen at (default 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="port to listen at; 0 takes a free one (default 8000)"
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="that work on requests (default 2)"
    )
    parser.add_argument(
        "--points", metavar="DIR", help="write a prediction_point event a request here"
    )
    parser.add_argument(
        "--application",
        action="append",
        dest="applications",
        metavar="NAME",
        help="serve this one; again for more (default: all of the registry)",
    )
    parser.add_argument(
        "--collect",
        metavar="FILE",
        help="TOML file of a collector, which answers at its paths of the same port",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="load everything, say what would be served, and end",
    )


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """Serve until the process is asked to end."""
    from zap.bundles.registry import default_root
    from zap.serving.api.config import load_config

    given = {name: getattr(args, name) for name in (*OPTIONS, "applications")}
    if args.registry is None and args.config is None:
        given["registry"] = default_root()
    config = load_config(args.config, given)
    if args.check:
        from zap.serving.api.checking import checked

        found = checked(config)
        if not args.json:
            for name, version in found["applications"].items():
                print(f"{name}: version {version}")
            print(f"ready; store {config.store}, log {config.log or 'none'}")
        return found
    from zap.serving.api.server import serve

    if args.collect is None:
        serve(config, told)
    else:
        with collecting_beside(args.collect) as around:
            serve(config, told, around)
    return None


def told(running: Running) -> None:
    """Say that the server answers, and where."""
    service = running.service
    for name, served in sorted(service.applications.items()):
        print(f"{name}: version {served.version}", file=sys.stderr)
    for name, problem in sorted(service.problems.items()):
        print(f"{name}: not served: {problem}", file=sys.stderr)
    if not service.applications:
        print("no application has a live version yet", file=sys.stderr)
    print(
        f"ready at {running.url}; documentation at {running.url}/docs",
        file=sys.stderr,
        flush=True,
    )


COMMAND = Command(
    "serve",
    "predictions over HTTP",
    "Serve the live version of each application of a registry: predictions by subject "
    "or by\nevents, a store of recent events, and a log of all predictions.",
    "zap serve --registry models --store sqlite:events.db --log predictions",
    configure,
    run,
    stopped="all that was logged is on disk",
)
