"""The server beside which ours is measured: FastAPI before a TensorFlow SavedModel.

Written as one would who knows both: one thread for TensorFlow's operations, since there
is one core; the model's signature looked up once; pydantic's models for what is asked
and answered; uvicorn on uvloop and httptools; no access log. What is not HTTP or
TensorFlow it shares with Zap: the store and how it is read, the encoder, the padding,
the calibration, and a line in a log for each prediction, written before the answer.

``--inline`` works in the event loop, else each request goes through FastAPI's threads.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import anyio.to_thread
import tensorflow as tf
import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

from zap.bundles.bundle import Bundle
from zap.bundles.calibrators import calibrator_from_dict
from zap.datasets.visits import InputSpec
from zap.encoding.encoder import Encoder
from zap.encoding.padding import pad_instance, pad_row
from zap.serving.frozen import INPUTS, at_least_one
from zap.serving.stores import Need, open_store

THREADS = 4


class Asked(BaseModel):
    """A prediction that is asked for."""

    subject: str = Field(min_length=1, max_length=512)


class Predicted(BaseModel):
    """What is answered."""

    prediction_id: str
    application: str
    version: str
    probability: float
    events: int
    instant_us: int


class Model:
    """Events to a probability, through TensorFlow.

    Args:
        bundle: the encoder, the calibration and the shape of the inputs.
        saved_model: the model itself.
    """

    def __init__(self, bundle: Bundle, saved_model: Path):
        self.encoder = Encoder.from_dict(bundle.json("encoder.json"))
        self.calibrator = calibrator_from_dict(bundle.json("calibrator.json"))
        inputs: Any = bundle.info["inputs"]
        self._spec = at_least_one(InputSpec(**inputs))
        self._saved = tf.saved_model.load(str(saved_model))
        self._function = self._saved.signatures["serving_default"]

    def predict(
        self, events: list[dict[str, Any]], instant_us: int | None
    ) -> tuple[float, int]:
        """The probability, and how many events it is made of."""
        encoded = self.encoder.encode_instance(events, instant_us)
        spec = self._spec
        arrays = (
            *pad_instance(encoded.events, spec.last, spec.event_width),
            *pad_row(encoded.metadata, spec.metadata_width),
        )
        inputs = dict(zip(INPUTS, map(tf.constant, arrays), strict=True))
        logits = self._function(**inputs)["logits"].numpy()
        return float(self.calibrator.apply(logits)[0]), len(encoded.events)


class Log:
    """A line of JSON for each prediction, with the system before the answer goes."""

    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def append(self, entry: dict[str, Any]) -> None:
        """Write one."""
        os.write(self._file, json.dumps(entry).encode() + b"\n")


def application(
    args: argparse.Namespace, name: str, model: Model, need: Need
) -> FastAPI:
    """The application with its one path."""
    store, log = open_store(args.store), Log(args.log)
    store.keep([need])
    app = FastAPI()
    waits = bool(model.encoder.instance.wait)

    def answered(asked_of: str, asked: Asked) -> Predicted:
        if asked_of != name:
            raise HTTPException(404, f"There is no application {asked_of}.")
        now = time.time_ns() // 1000
        past = store.past(asked.subject, need, now)
        last = past.instant_us
        instant = now if waits or last is None else last
        probability, events = model.predict(past.events, instant)
        found = Predicted(
            prediction_id=uuid.uuid4().hex,
            application=name,
            version=args.bundle.name,
            probability=probability,
            events=events,
            instant_us=instant,
        )
        log.append(
            {**found.model_dump(), "time": now, "ids": past.ids, "source": "subject"}
        )
        return found

    _route(app, answered, args.inline)

    @app.get("/ready")
    async def ready() -> dict[str, bool]:
        store.ping()
        return {"ready": True}

    return app


def _route(
    app: FastAPI, answered: Callable[[str, Asked], Predicted], inline: bool
) -> None:
    path = "/v1/predictions/{application}"
    if inline:

        @app.post(path)
        async def predict(application: str, asked: Asked) -> Predicted:
            return answered(application, asked)
    else:

        @app.post(path)
        def predict_in_thread(application: str, asked: Asked) -> Predicted:
            return answered(application, asked)

        @app.on_event("startup")
        async def few_threads() -> None:
            anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS


def main() -> None:
    """Serve until the process is asked to end."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.reference")
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--saved-model", type=Path, required=True)
    parser.add_argument("--application", required=True)
    parser.add_argument("--store", required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--inline", action="store_true")
    args = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    bundle = Bundle.load(args.bundle)
    model = Model(bundle, args.saved_model)
    subject: Any = bundle.json("generator.json")["subject"]
    need = Need.of(model.encoder.instance, subject)
    model.predict([], 0)
    uvicorn.run(
        application(args, args.application, model, need),
        port=args.port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
