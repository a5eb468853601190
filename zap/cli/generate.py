"""``zap generate``: raw events to a dataset of examples."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.arguments import (
    add_dataset_options,
    add_input,
    generate_options_of,
    raw_input_of,
)
from zap.cli.command import Command
from zap.cli.dry_run import add_dry_run, dry_run
from zap.cli.notes import note_all


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "--generator",
        required=True,
        metavar="NAME",
        help="a shipped generator's name, or package.module:Class",
    )
    add_input(parser)
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="dataset directory to be made"
    )
    add_dataset_options(parser)
    parser.add_argument(
        "--replace", action="store_true", help="replace a dataset that is there"
    )
    add_dry_run(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make the dataset and print what it holds; or only what there is to do."""
    if args.dry_run:
        return dry_run(args)
    from zap.cli.progress import print_table, progress
    from zap.datasets.store import check_output

    check_output(args.output, args.replace)
    raw = raw_input_of(args)
    options = generate_options_of(args, raw)
    with progress() as line:
        line.stage("generate")
        from zap.beam.dataflow import template_of
        from zap.beam.generate import generate, write_template

        if template_of(args.beam_args):
            return _written(
                write_template(
                    raw.generator, raw.paths, raw.mapping, args.output, options
                ),
                args,
            )
        dataset = generate(
            raw.generator, raw.paths, raw.mapping, args.output, options, line.workspace
        )
    manifest = dataset.manifest
    note_all(manifest)
    if not args.json:
        print_table(raw.generator.question, _rows(manifest))
        print(f"Dataset: {dataset.path}")
    return {"dataset": dataset.path, "manifest": manifest}


def _written(template: str, args: argparse.Namespace) -> dict[str, Any]:
    """Say where a job is described that others will launch."""
    if not args.json:
        print(f"Template: {template}")
    return {"template": template, "dataset": args.output}


def _rows(manifest: Any) -> list[tuple[str, str]]:
    rows = []
    for name in ("train", "validation", "test"):
        split = manifest["splits"][name]
        if split["examples"]:
            shown = f"{split['examples']:,} examples of {split['subjects']:,} subjects"
            rows.append((name, f"{shown}{_mean_label(manifest, split)}"))
    check = manifest["check"]
    proven = f", {check['cutoffs']:,} cutoffs proven" if "cutoffs" in check else ""
    rows.append(("check", check["verdict"] + proven))
    rows += [(name, f"{number:,}") for name, number in manifest["counts"].items()]
    return [*rows, ("digest", manifest["digest"])]


def _mean_label(manifest: Any, split: Any) -> str:
    """The mean of the labels, where a mean says something."""
    what = {"binary": "label rate", "amount": "mean label"}
    named = what.get(manifest["label"]["kind"])
    return f", {named} {split['label_rate']:.4f}" if named else ""


COMMAND = Command(
    "generate",
    "raw events to examples",
    "Group events into histories, cut and label examples, encode them, and write them "
    "as\nTFRecords with a manifest. Options that are not listed go to Beam "
    "(--runner=..., ...).",
    "zap generate --generator cdnow_repurchase --output examples",
    configure,
    run,
    takes_beam_options=True,
)
