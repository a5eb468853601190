"""Python workers for the machines of a cluster, ready before a job asks for them.

A runner that is not written in Python (Flink, Prism) asks a pool for a worker by Beam's
own protocol (``--environment_type=EXTERNAL``). Beam's pool starts a fresh Python each
time, which imports for seconds and is not told the options of the job. This one forks
workers from a process that has imported all (``worker_server.py``), tells them the
job's options, and ends them with itself, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import threading
from types import TracebackType
from typing import Any, Self

import grpc  # type: ignore[import-untyped]
from apache_beam.portability.api import (
    beam_fn_api_pb2,
    beam_fn_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    endpoints_pb2,
)
from apache_beam.utils.thread_pool_executor import shared_unbounded_instance
from google.protobuf import (  # type: ignore[import-untyped]
    json_format,
    text_format,
)

from zap.beam.workers import Workers
from zap.errors import InputError

DEFAULT_PORT = 50_000
_PATIENCE_S = 30.0
_GRPC_OPTIONS = (
    # Two pools on one port would share the requests: an older one would go on to
    # serve some of them with the code that it has imported.
    ("grpc.so_reuseport", 0),
    # The pings of a worker that waits long are no reason to end its connection.
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
)


class WorkerPool:
    """Serves workers on a port of this machine.

    Args:
        port: where runners ask for them; 0 for one that is free.
        host: the address to listen on. Whoever reaches it can have code run here, so it
            is this machine's own unless a task manager elsewhere must reach it.

    Attributes:
        port: the one it listens on.

    Raises:
        InputError: the port is taken.
    """

    def __init__(self, port: int = DEFAULT_PORT, host: str = "127.0.0.1"):
        self._workers = Workers(2)  # any number but one: a server of forks
        self._server = grpc.server(shared_unbounded_instance(), options=_GRPC_OPTIONS)
        self._servicer = _Servicer(self._workers.command())
        beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(
            self._servicer, self._server
        )
        try:
            self.port = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            self._workers.close()
            raise InputError(
                "Expected a port that is free. Received: "
                f"host={host}, port={port}, which cannot be listened on. Name another."
            ) from error
        self._server.start()

    def wait(self) -> None:
        """Serve until the process is told to end."""
        self._server.wait_for_termination()

    def close(self) -> None:
        """End the pool and all of its workers."""
        self._server.stop(0).wait()
        self._servicer.close()
        self._workers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()


class _Servicer(beam_fn_api_pb2_grpc.BeamFnExternalWorkerPoolServicer):
    """Answers Beam's two calls; a worker is a process known by its id and address."""

    def __init__(self, command: str):
        self._command = shlex.split(command)
        self._clients: dict[str, list[subprocess.Popen[bytes]]] = {}
        self._lock = threading.Lock()

    def StartWorker(self, request: Any, _: Any) -> Any:
        """Start a worker that takes its orders from the address in the request."""
        try:
            client = subprocess.Popen(
                self._command, env=os.environ | worker_environment(request)
            )
        except (OSError, grpc.RpcError) as error:
            return beam_fn_api_pb2.StartWorkerResponse(error=str(error))
        with self._lock:
            self._clients.setdefault(request.worker_id, []).append(client)
        return beam_fn_api_pb2.StartWorkerResponse()

    def StopWorker(self, request: Any, _: Any) -> Any:
        """Take leave of a worker: it ends when its runner hangs up.

        Task managers of one machine number their workers alike, so an id is not enough
        to end one of another's.
        """
        with self._lock:
            for clients in self._clients.values():
                clients[:] = [each for each in clients if each.poll() is None]
        return beam_fn_api_pb2.StopWorkerResponse()

    def close(self) -> None:
        """End what still waits for a worker's end."""
        with self._lock:
            for client in (each for some in self._clients.values() for each in some):
                with contextlib.suppress(OSError):
                    client.kill()
                client.wait()


def worker_environment(request: Any) -> dict[str, str]:
    """What a worker of Beam reads from its environment, for a request to start one.

    Args:
        request: a ``StartWorkerRequest``.
    """
    found = {
        "WORKER_ID": request.worker_id,
        "CONTROL_API_SERVICE_DESCRIPTOR": _descriptor(request.control_endpoint.url),
        "PIPELINE_OPTIONS": "{}",
    }
    if request.logging_endpoint.url:
        found["LOGGING_API_SERVICE_DESCRIPTOR"] = _descriptor(
            request.logging_endpoint.url
        )
    if request.provision_endpoint.url:
        info = _provision_info(request.provision_endpoint.url, request.worker_id)
        found["PIPELINE_OPTIONS"] = json_format.MessageToJson(info.pipeline_options)
        found["RUNNER_CAPABILITIES"] = " ".join(info.runner_capabilities)
    return found


def _descriptor(url: str) -> str:
    return str(text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url)))


def _provision_info(url: str, worker: str) -> Any:
    """What the runner tells a worker about its job."""
    with grpc.insecure_channel(url) as channel:
        stub = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        answer = stub.GetProvisionInfo(
            beam_provision_api_pb2.GetProvisionInfoRequest(),
            metadata=(("worker_id", worker),),
            timeout=_PATIENCE_S,
        )
    return answer.info
