"""``zap tune``: a search for settings that are better than the defaults."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add("--examples", required=True, metavar="DIR", help="a dataset of zap generate")
    add("--output", required=True, metavar="FILE", help="the settings to be, JSON")
    add(
        "--storage",
        metavar="FILE",
        help="the SQLite file of the search; given again, the search goes on (default: "
        "beside the output, as .db)",
    )
    add(
        "--trials",
        type=int,
        default=30,
        metavar="N",
        help="how many in total, those of earlier runs among them (default 30)",
    )
    add(
        "--workers",
        type=int,
        metavar="N",
        help="processes that train at once, each with the examples in its memory; one "
        "makes the search deterministic (default: 2, or 1 on one core)",
    )
    add("--space", metavar="FILE", help="what may be chosen, JSON (default: see docs)")
    add("--config", metavar="FILE", help="settings of the first trial and of the rest")
    add(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="after which no trial begins; those that run go on to their end",
    )
    add("--seed", type=int, default=0, metavar="N", help="of the search (default 0)")
    add(
        "--take-best",
        action="store_true",
        help="write the best trial's settings also where they may be no better than "
        "the start's",
    )
    add(
        "--plot", metavar="FILE", help="draw the trials and what mattered, .png or .svg"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Search, and print what it found and gained."""
    from zap.cli.progress import print_table, progress
    from zap.datasets.store import Dataset

    dataset = Dataset.open(args.examples)
    storage = args.storage or str(Path(args.output).with_suffix(".db"))
    with progress() as line:
        line.stage("tune")
        from zap.jobs.tune import WORKERS, tune
        from zap.jobs.tune_words import check_folder
        from zap.training.settings import read_config
        from zap.training.space import read_space

        if args.plot:
            from zap.evaluation.plots import check_picture

            check_picture(args.plot)
            check_folder(Path(args.plot), "plot")
        try:
            result = tune(
                dataset,
                args.output,
                storage,
                trials=args.trials,
                workers=WORKERS if args.workers is None else args.workers,
                space=read_space(args.space) if args.space else None,
                base=read_config(args.config),
                timeout_seconds=args.timeout,
                seed=args.seed,
                take_best=args.take_best,
                watch=line.search,
            )
        except KeyboardInterrupt:
            print(
                f"zap tune: what is done is in {storage}; the same command goes on",
                file=sys.stderr,
            )
            raise
    found = {"output": args.output, "storage": storage, **result.to_dict()}
    if args.plot:
        from zap.evaluation.plots import save_figure
        from zap.evaluation.search_plots import search_figure

        figure = search_figure(found["records"], found["importances"])
        save_figure(figure, args.plot)
        found["plot"] = args.plot
    if not args.json:
        print_table(dataset.manifest["generator"]["question"], _rows(found))
        print(_verdict(found["gain"], found["better"], args.take_best))
        print(
            f"Settings: {args.output}\nNext:\n  zap train --examples "
            f"{quote(args.examples)} --config {quote(args.output)} --output BUNDLE"
        )
    return found


def _rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    best, gain = found["best"], found["gain"] or {}
    counts = ", ".join(f"{n} {state}" for state, n in found["counts"].items())
    shares = found["importances"]
    rows = [("trials", counts)]
    rows += [
        (name, f"{part['base']:.4f} -> {part['best']:.4f}")
        for name, part in gain.items()
    ]
    for name, value in best["settings"].items():
        share = f" (importance {shares[name]:.0%})" if name in shares else ""
        rows.append(
            (name, f"{value:.4g}{share}" if _number(value) else f"{value}{share}")
        )
    return rows


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _verdict(gain: Mapping[str, Any] | None, better: bool, take_best: bool) -> str:
    """What was gained, that the figure is optimistic, and what was written."""
    if gain is None:
        return "What this gained over the start is unknown: that trial has no losses."
    change, low, high = gain["loss"]["difference"]
    if better:
        advice = "How much is left elsewhere, the test split will tell."
    elif take_best:
        advice = "There may be no gain at all; they were written all the same."
    else:
        advice = (
            "There may be no gain at all, so the\nstart's settings were written "
            "(--take-best writes the best trial's)."
        )
    return (
        f"Loss {change:+.4f} against the start (95 % {low:+.4f} to {high:+.4f}), on "
        "the rows that the search\nchose by: an optimistic figure. " + advice
    )


COMMAND = Command(
    "tune",
    "a search for better settings of the model",
    "Search for settings that predict better than the defaults on this dataset, with "
    "Optuna,\nand write a file for zap train --config: theirs where they are surely "
    "better, else the\ndefaults'. The search sees the training split and the half of "
    "the validation\nsubjects that early stopping sees. Stopped at any moment, it goes "
    "on when it is run\nagain.",
    "zap tune --examples examples --output config.json --plot search.png",
    configure,
    run,
    stopped="trials that were done are kept",
)
