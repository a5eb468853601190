"""Runs of ``zap`` that can be killed at any moment, cheaply.

Starting the command takes seconds, most of them imports. So one server imports all of
it once, and forks a process with a group of its own for each run; only what happens in
the run is then between its start and its death.

A run may also kill itself as it comes to a certain step: ``die`` is the name of an
audit event of Python's, a part of the path that it is about, and how many of them pass
before. Nothing of Zap is replaced for that, so it does not matter who writes the file.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class ForkedRuns:
    """The server, seen from a test.

    Args:
        log: the file that gets what the latest run prints.
    """

    def __init__(self, log: Path):
        self.log = log
        paths = [str(HERE), str(HERE.parents[1]), os.environ.get("PYTHONPATH", "")]
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        self.pid = 0

    def start(
        self,
        argv: Sequence[str],
        die: tuple[str, str, int] | None = None,
        file_bytes: int | None = None,
        dies_there: bool = True,
    ) -> None:
        """Start a run.

        Args:
            argv: of the command.
            die: the step at which it kills itself.
            file_bytes: the size that no file may pass.
            dies_there: whether a file that would pass it ends the run, as a power cut
                would; else writing fails, as on a full disk.
        """
        asked = {"argv": argv, "die": die, "file_bytes": file_bytes}
        asked |= {"dies_there": dies_there, "log": str(self.log)}
        self._say(json.dumps(asked))
        self.pid = int(self._line())

    def kill(self, group: bool = True) -> None:
        """kill -9 the run and all its workers, or the process that was started."""
        (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """The exit code; minus the signal if one ended the run."""
        self._say("")
        return int(self._line())

    def run(self, argv: Sequence[str], **how: Any) -> int:
        """Start a run and wait for it."""
        self.start(argv, **how)
        return self.wait()

    def _say(self, line: str) -> None:
        assert self._server.stdin
        print(line, file=self._server.stdin, flush=True)

    def _line(self) -> str:
        assert self._server.stdout
        return self._server.stdout.readline()

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait()


def serve() -> None:
    """Fork a run for each line of stdin; print its process, then how it ended."""
    for module in (
        "apache_beam.runners.portability.fn_api_runner.fn_runner",
        "apache_beam.runners.worker.sdk_worker",
        "fsspec.implementations.local",
        "made_shop",
        "rich.status",
        "rich.table",
        "zap.beam.generate",
        "zap.cli.main",
        "zap.cli.progress",
        "zap.jobs.inputs",
    ):
        importlib.import_module(module)
    from zap.events.agents import agent_parser_version
    from zap.events.bots import is_crawler

    # These make tables of patterns when they are first asked.
    is_crawler("")
    agent_parser_version()
    gc.freeze()  # So that no collection copies the pages that all runs share.
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _become(json.loads(line))
        os.setpgid(pid, pid)
        print(pid, flush=True)
        # Until it is waited for, its number is no other process's.
        sys.stdin.readline()
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _become(asked: dict[str, Any]) -> None:
    """Be the run, to its end."""
    code = 99
    try:
        os.setpgid(0, 0)
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDONLY)
        for number, file in enumerate((null, log, log)):
            os.dup2(file, number)
        if asked["die"]:
            _die_at(*asked["die"])
        if asked["file_bytes"]:
            # Python would leave compiled modules cut short, for whoever comes next.
            sys.dont_write_bytecode = True
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (asked["file_bytes"],) * 2)
            how = signal.SIG_DFL if asked["dies_there"] else signal.SIG_IGN
            signal.signal(signal.SIGXFSZ, how)
        from zap.cli.main import main

        code = main(asked["argv"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _die_at(event: str, path: str, passes: int) -> None:
    left = passes

    def hook(name: str, args: tuple[Any, ...]) -> None:
        nonlocal left
        if name == event and isinstance(args[0], str | Path) and path in str(args[0]):
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(hook)


if __name__ == "__main__":
    serve()
