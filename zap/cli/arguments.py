"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zap.beam.generate import GenerateOptions
    from zap.jobs.inputs import RawInput


def add_input(parser: argparse.ArgumentParser) -> None:
    """Where raw events come from."""
    parser.add_argument(
        "--input",
        nargs="+",
        default=[],
        metavar="PATH",
        help="files, globs or directories of raw events, tables "
        "(bigquery://project.dataset.table) or queries (FILE.sql); the generator's own "
        "data if left out",
    )
    parser.add_argument(
        "--mapping",
        metavar="FILE",
        help="TOML file that says how rows become events; the generator's own if left "
        "out",
    )
    parser.add_argument(
        "--max-bad-share",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="share of bad rows above which the job fails (default 0.01)",
    )


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """How examples are split and stored."""
    parser.add_argument(
        "--split",
        default="subject",
        metavar="RULE",
        help="subject, subject:0.7,0.15,0.15, time:VALIDATION_FROM,TEST_FROM or none "
        "(default subject)",
    )
    parser.add_argument(
        "--layout",
        choices=("visits", "instances"),
        default="visits",
        help="events once a history (default), or again for each example",
    )
    parser.add_argument(
        "--compression", choices=("none", "gzip"), default="none", help="of the files"
    )
    parser.add_argument(
        "--no-check",
        action="store_true",
        help="make the dataset without a proof that the generator sees nothing of what "
        "comes later",
    )
    parser.add_argument(
        "--shards", type=int, metavar="N", help="number of shards (default: by size)"
    )


def raw_input_of(args: argparse.Namespace) -> RawInput:
    """The generator, mapping and paths that the arguments name."""
    from zap.jobs.inputs import raw_input

    return raw_input(args.generator, args.input, args.mapping)


def generate_options_of(args: argparse.Namespace, raw: RawInput) -> GenerateOptions:
    """The options of the dataset that the arguments name.

    Worker processes are begun last, once nothing can be wrong that is told without
    Beam, which takes seconds to import: they import it beside this process.
    """
    from dataclasses import replace

    from zap.beam.options import GenerateOptions
    from zap.beam.workers import Workers, wanted_workers
    from zap.bundles.id_key import find_id_key
    from zap.bundles.registry import default_root
    from zap.datasets.recent import RecentSample
    from zap.datasets.splits import parse_split
    from zap.events.sources import stored_bytes

    options = GenerateOptions(
        split=parse_split(args.split),
        layout=args.layout,
        compression=args.compression,
        shards=args.shards,
        max_bad_share=args.max_bad_share,
        beam_args=args.beam_args,
        replace=args.replace,
        check=not args.no_check,
        recent=RecentSample(key=find_id_key(default_root())),
    )
    stored = stored_bytes(raw.paths, raw.mapping)
    workers = Workers(wanted_workers(args.beam_args, stored))
    return replace(options, workers=workers)
