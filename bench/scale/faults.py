"""``python -m bench.scale.faults``: task managers killed in the middle of jobs.

A question with side inputs runs on a Flink cluster of two task managers. In each round
one or more of them are killed (kill -9) at random moments, and another takes the place.
The job must end by itself, with the dataset of an undisturbed local run: nothing
doubled, nothing missing, and no file of a worker that was cut off.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.scale.cases import LOCAL, Case, missing, run_case, same
from bench.scale.flink import FlinkCluster
from bench.scale.inputs import Shop
from bench.scale.questions import QUESTIONS

SLOTS = 4
TRIES = 4
"""Of a round: a job may be over before its moment comes, and is then run again."""


class _Job(threading.Thread):
    """A case that runs beside this thread."""

    def __init__(self, run: Callable[[], dict[str, Any]]):
        super().__init__(daemon=True)
        self._run = run
        self.found: dict[str, Any] | None = None
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            self.found = self._run()
        except BaseException as problem:
            self.problem = problem


def disturbed(
    cluster: FlinkCluster,
    run: Callable[[], dict[str, Any]],
    moments: Sequence[float],
) -> tuple[dict[str, Any], int, int]:
    """Run a job and kill a task manager at some moments after it began.

    Returns:
        What it made, how many were killed while it ran, and the failures that Flink
        counted.
    """
    before, killed = len(cluster.jobs()), 0
    job = _Job(run)
    job.start()
    while job.is_alive() and len(cluster.jobs()) == before:
        time.sleep(0.05)
    began = time.monotonic()
    for moment in moments:
        job.join(max(began + moment - time.monotonic(), 0.0))
        if not job.is_alive() or cluster.jobs()[-1]["state"] != "RUNNING":
            break
        cluster.kill_task_manager()
        killed += 1
    job.join()
    if job.problem is not None or job.found is None:
        raise RuntimeError("The job failed.") from job.problem
    failures = cluster.failures()
    cluster.wait_for_slots()
    return job.found, killed, failures


def main(argv: list[str] | None = None) -> int:
    """Run all rounds and print the table; 1 if a dataset differs or nothing failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.faults")
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--kills", type=int, default=2, help="most of one round")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--question", default="persons, dimensions", choices=QUESTIONS)
    parser.add_argument("--work", type=Path, default=Path("build/scale"))
    args = parser.parse_args(argv)
    if needs := missing("flink"):
        print(needs, file=sys.stderr)
        return 2
    shop, rng = Shop(args.work, args.events), random.Random(args.seed)
    question, output = QUESTIONS[args.question], args.work / "out"
    reference = run_case(Case("local", "local"), question, shop, output, LOCAL)
    case = Case("flink", "flink", SLOTS)
    print(f"| round | killed at (s) | failures | seconds | {args.question} |")
    print("| --- | --- | --- | --- | --- |")
    bad = 0
    with FlinkCluster(args.work / "flink") as cluster:
        flink_args = cluster.beam_args(SLOTS)

        def run() -> dict[str, Any]:
            return run_case(case, question, shop, output, flink_args)

        for _ in range(2):  # the first one also warms the cluster up
            found, _, _ = disturbed(cluster, run, ())
            _print_row("undisturbed", "", 0, found, same(found, reference))
        tries = 0
        for number in range(1, args.rounds + 1):
            killed = 0
            while not killed and tries < TRIES * args.rounds:
                tries += 1
                seconds = cluster.seconds()  # of the job before
                chosen = rng.randint(1, args.kills)
                moments = sorted(rng.uniform(0, 0.9) * seconds for _ in range(chosen))
                found, killed, failures = disturbed(cluster, run, moments)
            right = same(found, reference) and killed > 0 and failures > 0
            bad += not right
            shown = ", ".join(f"{moment:.1f}" for moment in moments[:killed])
            _print_row(str(number), shown, failures, found, right)
    return int(bad > 0)


def _print_row(
    number: str, when: str, failures: int, found: dict[str, Any], right: bool
) -> None:
    said = f"{found['digest']}{'' if right else ' DIFFERS'}"
    print(
        f"| {number} | {when} | {failures} | {found['seconds']:.0f} | {said} |",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
