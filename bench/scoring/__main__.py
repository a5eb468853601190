"""``python -m bench.scoring``: subjects a second a core, beside the bare model.

Seconds are of a processor, not of the wall: the job has one process, and others on the
machine do not count. "Bare" is LiteRT called by hand on one thread, in the batches that
the job made, on its very inputs; of trees it is their evaluation in numpy. The job is
the whole of ``zap score`` with one process: from Parquet files to a published day, Beam
included.
"""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.data_path.inputs import prepared
from bench.scoring.inputs import made_bundle
from bench.scoring.stages import Stages
from zap.beam.score import Model
from zap.beam.score_pipeline import ScoreJob
from zap.beam.sources import Inputs
from zap.bundles.bundle import Bundle
from zap.bundles.kinds import GRU, TREES
from zap.events.mapping import EventMapping
from zap.events.sources import list_files
from zap.jobs.batch_score import score
from zap.jobs.score_options import ScoreOptions
from zap.scoring.question import question_of
from zap.serving.frozen import LITERT_FILE
from zap.serving.stderr import silent_stderr
from zap.times import instant_us

STEPS = ("read", "key and pack", "histories", "encode, pad, rows", "model", "write")


def bare_litert(bundle: Bundle, batch: int) -> Callable[..., Any]:
    """LiteRT's own call for a batch, as its documentation shows it."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=bundle.read(LITERT_FILE), num_threads=1)
    names = ["indices", "values", "length", "metadata_indices", "metadata_values"]
    details = {
        d["name"].removeprefix("serving_default_").split(":")[0]: d
        for d in interpreter.get_input_details()
    }
    for detail in details.values():
        shape = [batch, *detail["shape"][1:]]
        interpreter.resize_tensor_input(detail["index"], shape)
    with silent_stderr():
        interpreter.allocate_tensors()
    output = interpreter.get_output_details()[0]["index"]

    def call(*inputs: Any) -> Any:
        for name, array in zip(names, inputs, strict=True):
            interpreter.set_tensor(details[name]["index"], array)
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return call


def seconds_of(call: Callable[..., Any], inputs: Sequence[Any]) -> float:
    """One call for each of the inputs."""
    gc.disable()
    began = time.process_time()
    for each in inputs:
        call(*each)
    took = time.process_time() - began
    gc.enable()
    return took


def measured(bundle: Bundle, job: ScoreJob, paths: list[str], rounds: int) -> Any:
    """The seconds of the bare model, of the job and of its steps: the best rounds."""
    best: dict[str, float] = {}
    stages = Stages(job)
    stages.run()
    inputs = [each for each in stages.model.inputs if len(each[2]) == 256]
    if job.model.path.endswith(GRU):
        call = bare_litert(bundle, 256)
    else:
        call = bundle_scorer(job)
    share = stages.subjects / (256 * len(inputs))
    for _ in range(rounds):
        again = Stages(job)
        again.run()
        found = {name: again.seconds[name] for name in STEPS}
        found["bare"] = seconds_of(call, inputs) * share
        with tempfile.TemporaryDirectory(prefix="zap-") as folder:
            began = time.process_time()
            options = ScoreOptions(beam_args=("--direct_num_workers=1",))
            score("bench", bundle, paths, [job.at_us], folder, job.mapping, options)
            found["job"] = time.process_time() - began
        for name, took in found.items():
            best[name] = min(best.get(name, np.inf), took)
    return stages.subjects, best


def bundle_scorer(job: ScoreJob) -> Callable[..., Any]:
    """The model of a bundle as it is."""
    return job.model.load().predictor.scorer.model.score


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.scoring")
    parser.add_argument("--work", type=Path, default=Path("build/scoring"))
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    shop = prepared(args.events, args.work)
    mapping = EventMapping.load(shop.plain)
    paths = [str(shop.events)]
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}\n")
    print(
        "| model | subjects | bare /s | zap score /s | times bare | "
        f"{' | '.join(STEPS)} | Beam and the rest |\n{'| --- ' * (6 + len(STEPS))}|"
    )
    for kind in (GRU, TREES):
        path = args.work / kind
        bundle = made_bundle(path, kind, mapping)
        job = ScoreJob(
            question_of(bundle),
            Model("bench", bundle.version, str(path.resolve())),
            Inputs.of(list_files(paths, mapping)),
            mapping,
            instant_us("2100-01-01"),
        )
        subjects, best = measured(bundle, job, paths, args.rounds)
        rest = best["job"] - sum(best[name] for name in STEPS)
        shares = [best[name] / best["job"] for name in STEPS]
        print(
            f"| {kind} | {subjects:,} | {subjects / best['bare']:,.0f} "
            f"| {subjects / best['job']:,.0f} | {best['job'] / best['bare']:.2f} | "
            + " | ".join(f"{share:.0%}" for share in [*shares, rest / best["job"]])
            + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
