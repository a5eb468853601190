"""``python -m bench.scale``: the proofs on Prism and Flink, one after the other."""

from __future__ import annotations

import argparse
import sys

from bench.scale import digests, faults, throughput

PARTS = {
    "digests": digests.main,
    "faults": faults.main,
    "throughput": throughput.main,
}


def main(argv: list[str] | None = None) -> int:
    """Run the parts that are named, or all of them; 1 if one of them fails."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale",
        description="Prove the same examples, also under kills, and measure. Each part "
        "has options of its own: python -m bench.scale.digests --help.",
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    args = parser.parse_args(argv)
    unknown = [part for part in args.parts if part not in PARTS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    worst = 0
    for name in args.parts or PARTS:
        print(f"\n## {name}\n", flush=True)
        worst = max(worst, PARTS[name]([]))
    return worst


if __name__ == "__main__":
    sys.exit(main())
