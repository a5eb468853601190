"""``zap store``: the recent events that predictions are made from."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from zap.cli.command import Command, Group
from zap.cli.registry_arguments import root_of


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--store",
        metavar="URL",
        default="sqlite:events.db",
        help="sqlite:FILE, redis://HOST:PORT/N or mongodb://HOST:PORT/NAME (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--timeout-ms",
        type=int,
        default=5000,
        metavar="MS",
        help="how long any answer may take (default: %(default)s)",
    )


def _configure_rebuild(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="PATH",
        help="files, a glob or a directory of the archive; repeat",
    )
    parser.add_argument(
        "--mapping", required=True, metavar="FILE", help="how rows become events"
    )
    parser.add_argument(
        "--registry", metavar="ROOT", help="where models lie (default: ZAP_REGISTRY)"
    )
    parser.add_argument(
        "--application",
        action="append",
        metavar="NAME",
        help="only this one, and those that ask about the same subjects; repeat",
    )
    parser.add_argument(
        "--keep-days",
        type=float,
        default=400,
        metavar="DAYS",
        help="subjects that are silent for so long are left out (default: %(default)s)",
    )
    _add_store(parser)


def _run_rebuild(args: argparse.Namespace) -> Any:
    from zap.events.mapping import EventMapping
    from zap.jobs.store import rebuild
    from zap.serving.stores import open_store
    from zap.serving.stores.wanted import needs_of, needs_with

    store = open_store(args.store, args.timeout_ms, keep_days=args.keep_days)
    try:
        root, names = root_of(args), args.application
        needs = needs_with(root, names) if names else needs_of(root)
        mapping = EventMapping.load(args.mapping)
        found = rebuild(store, needs, mapping, args.input, _tell).to_dict()
    finally:
        store.close()
    if not args.json:
        _show(found)
    return found


def _run_status(args: argparse.Namespace) -> Any:
    from zap.cli.stores import existing_store
    from zap.jobs.store import status

    store = existing_store(args.store, args.timeout_ms)
    try:
        found = status(store)
    finally:
        store.close()
    if not args.json:
        number = f"{found['documents']:,}"
        print(f"{found['store']} answers, and holds {number} documents, one a subject")
    return found


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"Reading {what} ...", file=sys.stderr)


def _show(found: Mapping[str, Any]) -> None:
    print(f"{found['store']}, for {', '.join(found['applications'])}")
    print(f"{found['new']:>10,}  events are new, of {found['sources']} files")
    print(f"{found['repeated']:>10,}  were there")
    for counts in (found["by_reason"], found["read"]):
        for reason, number in sorted(counts.items()):
            print(f"{number:>10,}  {reason}")


COMMAND = Group(
    "store",
    "the event store: rebuild it, ask how it is",
    "The recent events of subjects, from which a server predicts. A store is a SQLite "
    "file, a\nRedis or a MongoDB database; each command takes --store and --json.",
    "zap store status --store sqlite:events.db",
    (
        Command(
            "rebuild",
            "fill it from the archive",
            "Read the archive, and keep of each subject what the live versions of a "
            "registry look at.\nMay be run again, and while a server appends: nothing "
            "is added twice.",
            "zap store rebuild --input archive --mapping shop.toml --registry models",
            _configure_rebuild,
            _run_rebuild,
            stopped="what was added stays; run it again for the rest",
        ),
        Command(
            "status",
            "whether it answers, and how much it holds",
            "Ask the store for an answer and count its documents, one a subject. Exit "
            "code 2 if it\ncannot be reached.",
            "zap store status --store redis://localhost:6379/0",
            _add_store,
            _run_status,
            stopped="nothing was changed",
        ),
    ),
)
