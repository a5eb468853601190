"""``zap keys``: the keys by which the API knows its callers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from zap.cli.command import Command, Group


def add_file(parser: argparse.ArgumentParser) -> None:
    """Where the keys lie."""
    parser.add_argument(
        "--file",
        required=True,
        metavar="FILE",
        help="the file of keys, such as keys.json",
    )


def configure_new(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap keys new``."""
    add_file(parser)
    parser.add_argument(
        "--kind",
        choices=("secret", "publishable"),
        default="secret",
        help="secret for a server of yours (default), publishable for a page",
    )
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="of pages that may use a publishable key: https://shop.example; repeat",
    )
    parser.add_argument(
        "--application",
        action="append",
        metavar="NAME",
        help="that the key may ask for predictions; repeat (default: all)",
    )
    parser.add_argument("--note", default="", help="whose key it is")


def run_new(args: argparse.Namespace) -> dict[str, Any]:
    """Make a key; it is shown this once."""
    from zap.serving.api.key_file import add_key
    from zap.serving.api.keys import new_key
    from zap.serving.api.visitors import server_secret, signing_secret

    path = Path(args.file)
    text, key = new_key(args.kind, args.origin, args.application, args.note)
    found: dict[str, Any] = {"id": key.id, "kind": key.kind, "key": text}
    if key.kind == "publishable":
        found["signing_secret"] = signing_secret(server_secret(path), key.id)
    add_key(path, key)
    if not args.json:
        print(f"{key.kind} key {key.id}, shown this once:\n  {text}")
        if "signing_secret" in found:
            print("secret for signing visitors on your own server:")
            print(f"  {found['signing_secret']}")
    return found


def run_list(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Show what is known of the keys."""
    from zap.cli.tables import DASH, moment, print_columns
    from zap.serving.api.key_file import read_keys

    keys = [
        {name: value for name, value in key.items() if name != "digest"}
        for key in read_keys(Path(args.file)).to_json()["keys"]
    ]
    if not args.json:
        rows = [
            [
                key["id"],
                key["kind"],
                ", ".join(key["origins"]) or DASH,
                "all"
                if key["applications"] is None
                else ", ".join(key["applications"]),
                moment(key["created"]),
                moment(key["revoked"]),
                key["note"] or DASH,
            ]
            for key in keys
        ]
        head = ["id", "kind", "origins", "applications", "made", "revoked", "note"]
        print_columns(f"Keys of {args.file}", head, rows)
    return keys


def configure_revoke(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap keys revoke``."""
    add_file(parser)
    parser.add_argument("id", metavar="ID", help="as zap keys list shows it")


def run_revoke(args: argparse.Namespace) -> dict[str, Any]:
    """Refuse a key from now on."""
    from zap.serving.api.key_file import revoke_key

    key = revoke_key(Path(args.file), args.id)
    if not args.json:
        print(f"{key.id} is refused since {key.revoked}")
    return {"id": key.id, "revoked": key.revoked}


COMMAND = Group(
    "keys",
    "keys of the API: make, list, revoke",
    "Keep the keys by which the API knows its callers. The file holds hashes of keys, "
    "so a\nkey is shown once, when it is made. Running servers follow the file within "
    "about a second.\nEach command takes --file and --json.",
    "zap keys new --file keys.json",
    (
        Command(
            "new",
            "make a key, and show it once",
            "Make a key. A secret key may ask anything and belongs on a server. A "
            "publishable key\nmay stand in a page: with it, pages of the listed "
            "origins ask for predictions of\ntheir own visitor.",
            "zap keys new --file keys.json --kind publishable --origin "
            "https://shop.example",
            configure_new,
            run_new,
            stopped="a key that was not shown is of no use; make another",
        ),
        Command(
            "list",
            "show what is known of the keys",
            "Show ids, kinds, origins and applications of all keys; never a key.",
            "zap keys list --file keys.json",
            add_file,
            run_list,
            stopped="nothing was changed",
        ),
        Command(
            "revoke",
            "refuse a key from now on",
            "Refuse a key from now on. It stays in the list, as logs name its id.",
            "zap keys revoke --file keys.json sk-0a1b2c3d",
            configure_revoke,
            run_revoke,
            stopped="zap keys list says whether the key is revoked",
        ),
    ),
)
