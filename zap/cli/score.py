"""``zap score``: the predictions of all subjects at a time of reference."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zap.cli.command import Command
from zap.cli.registry_arguments import add_root, root_of
from zap.errors import InputError

if TYPE_CHECKING:
    from zap.bundles.bundle import Bundle
    from zap.events.mapping import EventMapping
    from zap.jobs.score_options import ScoreOptions


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "application", metavar="APPLICATION", help="whose model, as the registry has it"
    )
    parser.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="PATH",
        help="files, globs or directories of raw events, of any time: what was not "
        "known by then is passed over",
    )
    _add_times(parser)
    parser.add_argument(
        "--output",
        required=True,
        metavar="PLACE",
        help="a folder, a URL such as s3://BUCKET/FOLDER, or a table bigquery://PROJECT."
        "DATASET.TABLE; a day there is replaced",
    )
    parser.add_argument(
        "--mapping",
        metavar="FILE",
        help="TOML file that says how rows become events; what the model was trained "
        "with if left out",
    )
    _add_model(parser)
    parser.add_argument(
        "--eligible",
        action="store_true",
        help="only the subjects for whom the question is asked in training",
    )
    parser.add_argument(
        "--max-bad-share",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="share of bad rows above which nothing is published (default 0.01)",
    )
    parser.add_argument(
        "--shards", type=int, metavar="N", help="number of shards (default: by size)"
    )


def _add_times(parser: argparse.ArgumentParser) -> None:
    """At which times of reference."""
    parser.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="TIME",
        help="time of reference, ISO (a date is its midnight, UTC); may be repeated",
    )
    parser.add_argument(
        "--days",
        metavar="FIRST..LAST",
        help="the midnight of each of these days, such as 2026-01-01..2026-01-07",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    """Which version predicts."""
    add_root(parser)
    parser.add_argument(
        "--version",
        default="live",
        metavar="VERSION",
        help="4 or more of its first digits, or live or previous (default live)",
    )
    parser.add_argument(
        "--bundle", metavar="DIR", help="a bundle, in place of the registry's version"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Score, publish, and say in short what came of it."""
    from zap.cli.progress import progress

    times_us = _times_of(args)
    with progress() as line:
        line.stage("score")
        bundle, mapping, options = _checked(args, times_us)
        from zap.jobs.batch_score import score

        found = score(
            args.application,
            bundle,
            args.input,
            times_us,
            args.output,
            mapping,
            options,
            line.folder,
        )
    if not args.json:
        _show(found)
    return found


def _checked(
    args: argparse.Namespace, times_us: list[int]
) -> tuple[Bundle, EventMapping, ScoreOptions]:
    """What scores; what is wrong is told before the seconds that Beam takes to import.

    Raises:
        ZapError: there is no such version, mapping or input, or an option is wrong.
    """
    from zap.events.mapping import EventMapping
    from zap.events.sources import stored_bytes
    from zap.jobs.score_options import check_times, find_bundle, own_mapping

    check_times(times_us)
    options = _options_of(args)
    bundle = find_bundle(args.application, root_of(args), args.version, args.bundle)
    mapping = EventMapping.load(args.mapping) if args.mapping else own_mapping(bundle)
    stored_bytes(args.input, mapping)
    return bundle, mapping, options


def _options_of(args: argparse.Namespace) -> ScoreOptions:
    from zap.jobs.score_options import ScoreOptions

    return ScoreOptions(
        eligible=args.eligible,
        max_bad_share=args.max_bad_share,
        shards=args.shards,
        beam_args=args.beam_args,
    )


def _times_of(args: argparse.Namespace) -> list[int]:
    """The times of reference that the arguments name."""
    from zap.times import DAY_US, instant_us

    times = [instant_us(text) for text in args.at]
    if args.days:
        first, dots, last = args.days.partition("..")
        # An end that is left out might be meant as today, which a repeat has not.
        whole = first and (last or not dots)
        ends = [instant_us(text) for text in (first, last or first)] if whole else []
        if not whole or ends[0] % DAY_US or ends[1] % DAY_US or ends[0] > ends[1]:
            raise InputError(
                "Expected days from the first to the last, such as "
                f"2026-01-01..2026-01-07. Received: days={args.days!r}. Correct them."
            )
        times += range(ends[0], ends[1] + 1, DAY_US)
    return times


def _show(found: Mapping[str, Any]) -> None:
    from zap.cli.progress import print_table

    for day in found["days"]:
        title = f"{found['application']} at {day['at']}, version {found['version']}"
        print_table(title, [*_summary(day["summary"]), *_left_out(day)])
        if day["dead_letters"]:
            print(f"Rows that could not be read: {day['dead_letters']}")
        published = day["published"]
        print(f"Predictions: {published.get('path', published)}")
    if not found["rules_told"]:
        print(
            "The bundle does not tell which events counted in training: the defaults "
            "of a generator were used."
        )


def _summary(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("subjects", f"{summary['subjects']:,}"),
        ("of these without an event that the model reads", _n(summary)),
    ]
    if "means" in summary:
        rows += [(f"mean of {k}", f"{v:.4f}") for k, v in summary["means"].items()]
    if "mean" in summary:
        rows.append(("mean", f"{summary['mean']:.4f}"))
        told = {"lowest": summary["lowest"], **summary["quantiles"]}
        told["highest"] = summary["highest"]
        for name, value in told.items():
            word = name if name.isalpha() else f"quantile {name}"
            rows.append((word, f"{value:.4f}"))
        for name, number in summary["segments"].items():
            rows.append((f"segment {name}", f"{number:,}"))
    return rows


def _n(summary: Mapping[str, Any]) -> str:
    return f"{summary['without_events']:,}"


def _left_out(day: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was read, and what was dropped for which reason."""
    rows = [
        (name, f"{number:,}")
        for name, number in day["counts"].items()
        if not name.startswith("subjects.scored")
    ]
    return [*rows, ("last event on", str(day["newest_event"]))]


COMMAND = Command(
    "score",
    "predictions of all subjects at a time",
    "Score all subjects with one version of a model, as a server would have answered "
    "at\na time of reference, and write the day's predictions in one step: again, and "
    "they are\nreplaced. Options that are not listed go to Beam (--runner=..., ...).",
    "zap score cdnow_repurchase --input purchases.csv --at 1998-07-01 "
    "--output predictions",
    configure,
    run,
    takes_beam_options=True,
    stopped="the day in work was not published",
)
