"""``python -m bench.serving.predictor``: a prediction from events, and the bare model.

All take turns at each past, on the very same inputs; of each past the best of all
rounds counts. "Bare" is LiteRT called by hand, five inputs set and one output taken;
for trees it is their evaluation in numpy. "Keras' form" is the same call on what the
converter makes of Keras' own recurrence with the same weights. Events are read anew
before each call, as a server would hold them: dicts from JSON, as a request brings
them, or a document of an event store.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.serving.inputs import MODELS, bundle_of, lengthened, pasts_of
from zap.bundles.bundle import Bundle
from zap.serving.frozen import LITERT_FILE
from zap.serving.litert import LiteRtModel
from zap.serving.predictor import Predictor
from zap.serving.stderr import silent_stderr
from zap.serving.stores.document import Document, decode, encode

PARTS = ["bare", "keras", "predict", "stored", "encode", "pad", "model", "calibrate"]
HEAD = (
    "model",
    "events",
    "bare (µs)",
    "predict (µs)",
    "times bare",
    "of a store's events (µs)",
    "times bare",
    "Keras' form (µs)",
    "predict, times",
    "of a store, times",
    *PARTS[4:],
)
Call = Callable[[Sequence[Any]], Any]


def keras_form(bundle: Path, work: Path) -> bytes:
    """The bundle's model as Keras' own layers freeze; made once."""
    output = work / f"{bundle.parent.name}-{Bundle.load(bundle).version}.tflite"
    if not output.exists():
        command = [sys.executable, "-m", "bench.serving.keras_form", bundle, output]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return output.read_bytes()


def bare_litert(content: bytes) -> Call:
    """LiteRT's own call for one instance, as its documentation shows it."""
    from ai_edge_litert.interpreter import Interpreter

    with silent_stderr():
        interpreter = Interpreter(model_content=content, num_threads=1)
        interpreter.allocate_tensors()
    names = ["indices", "values", "length", "metadata_indices", "metadata_values"]
    by_name = {
        d["name"].removeprefix("serving_default_").split(":")[0]: d["index"]
        for d in interpreter.get_input_details()
    }
    places = [by_name[name] for name in names]
    output = interpreter.get_output_details()[0]["index"]

    def call(inputs: Sequence[Any]) -> Any:
        for place, array in zip(places, inputs, strict=True):
            interpreter.set_tensor(place, array)
        interpreter.invoke()
        return interpreter.get_tensor(output)

    return call


def measured(
    path: Path, pasts: Sequence[dict[str, Any]], rounds: int
) -> dict[str, float]:
    """Microseconds of each part, the best of each past, averaged over the pasts."""
    bundle = Bundle.load(path)
    predictor = Predictor.from_bundle(bundle)
    scorer, encoder = predictor.scorer, predictor.encoder
    bare: Call = lambda inputs: scorer.score(*inputs)  # noqa: E731
    by_keras: Call | None = None
    if isinstance(scorer.model, LiteRtModel):
        bare = bare_litert(bundle.read(LITERT_FILE))
        by_keras = bare_litert(keras_form(path, path.parents[1]))
    texts = [json.dumps(past["events"]) for past in pasts]
    documents = [encode(Document(past["events"])) for past in pasts]
    best = {part: np.full(len(pasts), np.inf) for part in PARTS}
    clock = time.perf_counter

    def clocked(part: str, at: int, function: Callable[..., Any], *args: Any) -> Any:
        begun = clock()
        found = function(*args)
        best[part][at] = min(best[part][at], clock() - begun)
        return found

    for _ in range(rounds):
        for at, (past, text) in enumerate(zip(pasts, texts, strict=True)):
            instant = past["instant"]
            first, second = json.loads(text), json.loads(text)
            stored = decode(documents[at], 0)[0].events
            gc.disable()
            encoded = clocked("encode", at, encoder.encode_instance, first, instant)
            inputs = clocked("pad", at, predictor.inputs, encoded)
            logits = clocked("model", at, scorer.score, *inputs)
            clocked("calibrate", at, scorer.calibrator.one, logits[0].tolist())
            ours = clocked("predict", at, predictor.predict, second, instant)
            same = clocked("stored", at, predictor.predict, stored, instant)
            assert same == ours, "a store's events are others"
            theirs = clocked("bare", at, bare, inputs)
            if by_keras is not None:
                by_theirs = clocked("keras", at, by_keras, inputs)
                assert np.allclose(by_theirs, theirs, atol=1e-4), "the forms differ"
            gc.enable()
            assert ours.logits == tuple(theirs[0].tolist()), "the scores differ"
    return {part: float(took.mean()) * 1e6 for part, took in best.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.predictor")
    parser.add_argument("--work", type=Path, default=Path("build/serving"))
    parser.add_argument("--pasts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args()
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}\n")
    print("| " + " | ".join(HEAD) + " |")
    print("| " + " | ".join(["---"] * len(HEAD)) + " |")
    for model in MODELS:
        path = bundle_of(model, args.work)
        usual = pasts_of(path, args.pasts)
        for pasts in (usual, lengthened(usual, 40)):
            found = measured(path, pasts, args.rounds)
            bare, keras = found["bare"], found["keras"]
            predict, stored = found["predict"], found["stored"]
            cells = [model.name, f"{np.mean([len(p['events']) for p in pasts]):.0f}"]
            cells += [f"{bare:.1f}", f"{predict:.1f}", f"{predict / bare:.2f}"]
            cells += [f"{stored:.1f}", f"{stored / bare:.2f}"]
            beside = [keras, predict / keras, stored / keras]
            cells += [f"{it:.2f}" if keras < np.inf else "" for it in beside]
            cells += [f"{found[part]:.1f}" for part in PARTS[4:]]
            print("| " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
