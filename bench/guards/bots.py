"""``python -m bench.guards.bots``: flags of bots against a simulation's truth.

A simulation knows which visits a bot made, and whether it said so (declared) or took a
browser's name (disguised). Each rule is asked which visits it would flag; precision and
recall are counted in visits, since a bot is told by its visit and taken out whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from generators.simulated_shop import SimulatedShop
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.sources import list_sources
from zap.examples import Bots, Rate, Regularity
from zap.histories.build import build_histories
from zap.histories.selection import select_events
from zap.simulation.settings import Settings
from zap.simulation.simulate import simulate

RATE, EVEN = Rate(events=15, seconds=30), Regularity(events=8, spread=0.15)
RULES = {
    "agents": Bots(),
    "rate": Bots(agents=False, rate=RATE),
    "regularity": Bots(agents=False, regularity=EVEN),
    "all three": Bots(rate=RATE, regularity=EVEN),
}
KINDS = ("declared", "disguised")
HEAD = (
    "| rule | visits flagged | precision | recall of declared | recall of disguised "
    "| people's visits flagged |\n| --- | --- | --- | --- | --- | --- |"
)


def kept_rows(folder: Path, bots: Bots) -> set[tuple[str, int]]:
    """Source and row of the events that a rule leaves, with no other limit in force."""
    mapping = EventMapping.load(folder / "mapping.toml")
    generator = SimulatedShop()
    kept: set[tuple[str, int]] = set()
    for source in list_sources([str(folder / "events")], mapping):
        batches = [
            select_events(read.events, {}, bots)[0]
            for read in read_source(source, mapping)
        ]
        generator.bots = bots  # type: ignore[misc]
        generator.max_events = generator.max_subject_events = 10**9  # type: ignore[misc]
        histories, _ = build_histories(
            pa.Table.from_batches(batches), generator.settings(), ["row"], mapping
        )
        rows = histories.columns["row"].values.astype(int).tolist()  # type: ignore[union-attr]
        kept |= {(Path(source.path).name, row) for row in rows}
    return kept


def flagged_visits(
    folder: Path, kept: set[tuple[str, int]]
) -> Iterable[tuple[str, bool]]:
    """The kind of each visit's maker, and whether any of its rows was flagged.

    Copies and broken rows are left out: they are gone for other reasons.
    """
    for path in sorted((folder / "truth").glob("*.parquet")):
        truth = pq.read_table(path, columns=["kind", "visit", "fault"])
        sound = np.isin(truth["fault"].to_numpy(), ["none", "late"])
        name = path.name.removeprefix("truth-of-")
        gone = np.array([(name, row) not in kept for row in range(truth.num_rows)])
        kind, visit = truth["kind"].to_numpy()[sound], truth["visit"].to_numpy()[sound]
        _, first, code = np.unique(visit, return_index=True, return_inverse=True)
        any_gone = np.bincount(code, gone[sound]) > 0
        yield from zip(kind[first].tolist(), any_gone.tolist(), strict=True)


def line(name: str, found: list[tuple[str, bool]]) -> str:
    """One line of the table."""
    flagged = [kind for kind, gone in found if gone]
    bots = [kind for kind in flagged if kind != "human"]
    recall = []
    for kind in KINDS:
        of_kind = [gone for own, gone in found if own == kind]
        recall.append(f"{sum(of_kind) / len(of_kind):.3f} of {len(of_kind):,}")
    people = sum(kind == "human" for kind, _ in found)
    wrong = len(flagged) - len(bots)
    precision = f"{len(bots) / len(flagged):.4f}" if flagged else "-"
    return (
        f"| {name} | {len(flagged):,} | {precision} | {recall[0]} | {recall[1]} "
        f"| {wrong:,} of {people:,} |"
    )


def main() -> None:
    """Simulate, flag, print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.guards.bots")
    parser.add_argument("--work", type=Path, default=Path("build/guards/bots"))
    parser.add_argument("--events", type=int, default=500_000)
    args = parser.parse_args()
    if not (args.work / "simulation.json").exists():
        simulate(Settings(events=args.events), args.work)
    print(HEAD)
    for name, bots in RULES.items():
        found = list(flagged_visits(args.work, kept_rows(args.work, bots)))
        print(line(name, found), flush=True)


if __name__ == "__main__":
    main()
