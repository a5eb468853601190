"""The process whose forks are a local job's workers: all imports, and no threads yet.

It ends with the job: its standard input closes. A worker ends with the server.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import shutil
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterator

PATIENCE = 1.0  # seconds between two looks at workers that have ended
_PR_SET_PDEATHSIG = 1


def main(path: str) -> None:
    """Serve workers until the job's process goes away.

    Args:
        path: of the socket to listen on.
    """
    worker = _imported()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the job's process decides
    with socket.socket(socket.AF_UNIX) as server, _folder_of(path):
        server.bind(path)
        server.listen()
        while True:
            readable, _, _ = select.select([sys.stdin, server], [], [], PATIENCE)
            _bury()
            if sys.stdin in readable:
                line = sys.stdin.readline()
                if not line:
                    _bury()
                    return
                sys.path[:] = json.loads(line)
                print("ready", flush=True)
            if server in readable:
                _fork(server, worker)


@contextlib.contextmanager
def _folder_of(path: str) -> Iterator[None]:
    """Remove the socket's folder at the end, however the job's process ended."""
    try:
        yield
    finally:
        shutil.rmtree(os.path.dirname(path), ignore_errors=True)


def _imported() -> Callable[[list[str]], None]:
    """Import what jobs need, and give back what a worker of Beam runs."""
    gc.disable()  # what is imported stays: a fifth of the time to look at it again
    import apache_beam.runners.worker.sdk_worker_main as worker
    import pyarrow as pa
    import pyarrow.parquet

    import zap.beam.pipeline
    from zap.errors import MissingExtraError
    from zap.events.agents import parse_agent
    from zap.events.bots import is_crawler

    assert zap.beam.pipeline and pyarrow.parquet
    with contextlib.suppress(MissingExtraError):
        # What takes half a second to build, while the job's process still starts.
        parse_agent("a browser")
        is_crawler("a browser")
    pa.set_cpu_count(1)  # the processes share the cores
    # Arrow's own pool gives blocks back after a moment; glibc's was told to keep them.
    pa.set_memory_pool(pa.system_memory_pool())
    gc.freeze()  # no collection of a worker copies the pages that all share
    gc.enable()
    run: Callable[[list[str]], None] = worker.main
    return run


def _fork(server: socket.socket, worker: Callable[[list[str]], None]) -> None:
    """Start a worker for the client that knocks."""
    client, _ = server.accept()
    with client:
        if os.fork() == 0:
            server.close()
            os._exit(_work(client, worker))


def _work(client: socket.socket, worker: Callable[[list[str]], None]) -> int:
    """A worker's life; its exit code, which the client is told."""
    code = 1
    try:
        _die_with_parent()
        os.dup2(2, 1)  # standard output is the job's
        with client.makefile("r") as said:
            os.environ.clear()
            os.environ.update(json.loads(said.readline()))
        worker([])
        code = 0
    except BaseException:
        traceback.print_exc()
    client.sendall(bytes([code]))
    return code


def _bury() -> None:
    """Take leave of workers that have ended, so that their times count."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
