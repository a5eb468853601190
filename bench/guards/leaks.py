"""``python -m bench.guards.leaks``: planted leaks, and the messages that caught all."""

from __future__ import annotations

import argparse
import sys

from bench.guards.plants import PLANTS, Plant

HEADER = "| planted leak | caught by | message |\n| --- | --- | --- |"


def main(argv: list[str] | None = None) -> int:
    """Print the table; 1 if a leak was missed or an honest twin did not pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PLANTS, nargs="+", default=list(PLANTS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    print(HEADER)
    wrong = []
    for name in args.only:
        plant = PLANTS[name]
        print(row(plant, args.seed), flush=True)
        if not plant.caught(args.seed):
            wrong.append(f"{name}: missed")
        problems = plant.honest.check(args.seed).problems()
        wrong += [f"{name}: false alarm: {problem}" for problem in problems]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


def row(plant: Plant, seed: int) -> str:
    """A line of the table."""
    message = plant.message(seed).replace("|", "\\|") or "missed"
    return f"| {plant.title} | {plant.check} | {message} |"


if __name__ == "__main__":
    sys.exit(main())
