"""``python -m bench.retraining``: eight weekly retrains of a shop that changes.

A simulated shop changes in the fifth week of retraining. Each week a model is retrained
behind all gates; printed are the verdicts, and the AUC, on each newest week, of the
model that was live as the week began and of the first one, never retrained. Then one
more week comes in several broken forms, each of which must be refused.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.retraining.poison import POISONS, poisoned
from zap.bundles.registry import Registry
from zap.evaluation.plots import BLUE, GREY, ORANGE, figure_in_style
from zap.evaluation.version_plots import save_figure
from zap.jobs.retrain.job import retrain
from zap.jobs.retrain.result import Result
from zap.simulation.settings import DAY_MS, Settings
from zap.simulation.simulate import simulate
from zap.times import iso

WINDOW, WEEK, WEEKS, CHANGES = 28, 7, 8, 5
HEADER = (
    "| week | newest from | verdict | AUC of live (95 %) | AUC of the first | why |\n"
    "| --- | --- | --- | --- | --- | --- |"
)


def main() -> None:
    """Run the weeks, print the tables, draw the plot."""
    parser = argparse.ArgumentParser(prog="python -m bench.retraining")
    parser.add_argument("--work", type=Path, default=Path("build/retraining"))
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--drift", type=float, default=0.5)
    parser.add_argument(
        "--trust", action="store_true", help="trust data that the gate suspects"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--warm-start", action="store_true")
    parser.add_argument("--no-poison", action="store_true")
    args = parser.parse_args()
    settings = Settings(
        events=args.events,
        days=WINDOW + WEEK * args.weeks,
        seed=args.seed,
        drift=args.drift,
        drift_day=WINDOW + WEEK * (CHANGES - 2),
    )
    folder = simulate(settings, args.work / "simulated", 2, replace=True)
    options = {
        "generator": "simulated_shop",
        "input": [str(folder.events)],
        "mapping": str(folder.mapping),
        "model": {"epochs": args.epochs, "patience": args.epochs, "l2": 40.0},
        "warm_start": args.warm_start,
        "references": 20,  # so that the first version is scored every week
    }
    root = str(args.work / "models")
    shutil.rmtree(root, ignore_errors=True)
    print(f"{HEADER}", flush=True)
    weeks = []
    for week in range(args.weeks):
        until = settings.from_ms + (WINDOW + WEEK * week) * DAY_MS
        found = retrain(root, "shop", options, until_us=until * 1000)
        if found.stage == "data" and args.trust:
            print(f"week {week + 1}: {found.said}; a person trusts it", flush=True)
            found = retrain(
                root, "shop", options, until_us=until * 1000, trust_data=True
            )
        weeks.append(described(found, until - WEEK * DAY_MS))
        print(line(week + 1, weeks[-1]), flush=True)
    first = next((w["version"] for w in weeks if w["version"]), None)
    for week in weeks:
        week["first"] = week["references"].get(first)
    args.work.mkdir(parents=True, exist_ok=True)
    draw(args.work / "weeks.png", weeks)
    (args.work / "weeks.json").write_text(json.dumps(weeks, indent=2) + "\n")
    if not args.no_poison:
        print_poisons(args.work, root, options, folder.events, settings)


def described(found: Result, newest_ms: int) -> dict[str, Any]:
    """What a week brought."""
    stages = {stage["stage"]: stage["figures"] for stage in found.stages}
    examples = stages.get("data", {}).get("examples", {})
    validated = stages.get("validate", {})
    return {
        "newest": iso(newest_ms * 1000)[:10],
        "verdict": found.verdict,
        "stage": found.stage,
        "said": found.said,
        "version": stages.get("archive", {}).get("version"),
        "live": examples.get("auc"),
        "error": examples.get("auc_error"),
        "new": validated.get("auc"),
        "references": validated.get("references", {}),
        "seconds": sum(stage["seconds"] for stage in found.stages),
    }


FIRST: dict[str, Any] = {}


def line(number: int, week: dict[str, Any]) -> str:
    """A row of the table."""
    if week["version"]:
        FIRST.setdefault("version", week["version"])
    first = week["references"].get(FIRST.get("version"))
    live = "-"
    if week["live"] is not None:
        reach = 1.96 * week["error"]
        live = f"{week['live']:.4f} ({week['live'] - reach:.4f} to "
        live += f"{week['live'] + reach:.4f})"
    shown = "-" if first is None else f"{first:.4f}"
    said = f"{week['stage']}: {week['said']}"
    cells = (number, week["newest"], week["verdict"], live, shown, said)
    return f"| {' | '.join(map(str, cells))} |"


def print_poisons(
    work: Path, root: str, options: dict[str, Any], events: Path, settings: Settings
) -> None:
    """One more week in broken forms; the live version must stay for all of them."""
    until = settings.until_ms
    print("\n| the week's feed | must be | verdict | live stays | why |")
    print("| --- | --- | --- | --- | --- |")
    for name, (spoil, refuse) in POISONS.items():
        folder = poisoned(events, work / "poisoned", spoil, until - WEEK * DAY_MS)
        live = Registry(root, "shop").live()
        found = retrain(
            root, "shop", {**options, "input": [str(folder)]}, until_us=until * 1000
        )
        stays = "yes" if found.live == live else "no"
        wanted = "refused" if refuse else "let pass by the data gate"
        print(
            f"| {name} | {wanted} | {found.verdict} | {stays} | "
            f"{found.stage}: {found.said} |",
            flush=True,
        )


def draw(path: Path, weeks: Sequence[dict[str, Any]]) -> None:
    """The live model week by week beside the one that was never retrained."""
    places = range(1, len(weeks) + 1)
    with figure_in_style(7.2, 3.8) as figure:
        axes = figure.add_subplot()
        known = [(p, w) for p, w in zip(places, weeks, strict=True) if w["live"]]
        axes.errorbar(
            [p for p, _ in known],
            [w["live"] for _, w in known],
            yerr=[1.96 * w["error"] for _, w in known],
            color=BLUE,
            marker="o",
            capsize=3,
            label="the live version, retrained weekly",
        )
        old = [(p, w["first"]) for p, w in zip(places, weeks, strict=True)]
        old = [(p, auc) for p, auc in old if auc is not None]
        axes.plot(
            [place for place, _ in old],
            [auc for _, auc in old],
            color=GREY,
            marker="s",
            label="the first version, never retrained",
        )
        axes.axvline(
            CHANGES - 0.5, color=ORANGE, linestyle=":", label="the shop changes"
        )
        for place, week in zip(places, weeks, strict=True):
            if week["verdict"] == "refused":
                axes.annotate(
                    "refused", (place, axes.get_ylim()[0]), rotation=90, ha="center"
                )
        axes.set(xlabel="week of retraining", ylabel="AUC on the newest week, 95 %")
        figure.legend(loc="outside upper center", ncols=2)
    save_figure(figure, path)


if __name__ == "__main__":
    main()
