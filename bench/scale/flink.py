"""A Flink cluster on this machine: its parts are processes, as they are elsewhere.

One JobManager, TaskManagers, Beam's job server, and a pool of Python workers
(`zap workers`). All listen on free ports of 127.0.0.1 and end with the process that
started them. Heaps are small, so that a cluster of two takes about 2 GB.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.scale.processes import ROOT, SERVERS, Process, answers, free_ports

JARS = SERVERS / "flink"
# What Flink 1.19 needs of Java 17, as its own scripts pass it.
_OPENED = (
    *("java.lang", "java.lang.reflect", "java.net", "java.io", "java.nio"),
    *("java.text", "java.time", "java.util", "java.util.concurrent", "sun.nio.ch"),
    *("java.util.concurrent.atomic", "java.util.concurrent.locks"),
)
_JAVA = (
    "java",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # the work is Python's; starting soon is worth more
    *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED),
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
)
_LOG4J = """
rootLogger.level = WARN
rootLogger.appenderRef.file.ref = Console
appender.console.name = Console
appender.console.type = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %-5p %c{1} - %m%n
"""
_MANAGER, _WORKER = (
    "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
    "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
)
# A job server sends its classes to the cluster with every job, half a minute's work on
# a busy machine. This cluster has them, so that one jar is enough (see JobServer.java).
_JOB_SERVER = Path(__file__).parent / "servers" / "flink" / "JobServer.java"
_SENT = "beam-runners-flink-*.jar"


def missing() -> str | None:
    """What to do where it is not installed; None where it is."""
    if JARS.exists():
        return None if shutil.which("java") else "needs java, of version 17"
    return "needs Flink; bench/scale/servers/install flink fetches it"


class FlinkCluster:
    """A cluster that is there while the ``with`` block is.

    Args:
        folder: of its configuration, logs and temporary files.
        task_managers: how many.
        slots: of each.
        heap_mb: of each task manager, for its tasks.

    Attributes:
        rest: the address of its REST interface.
        job_endpoint: the address of Beam's job server.
    """

    def __init__(
        self, folder: Path, task_managers: int = 2, slots: int = 2, heap_mb: int = 1024
    ):
        self._folder = folder.resolve()
        self._slots = slots
        self._wanted = task_managers
        self._heap_mb = heap_mb
        self._others: list[Process] = []
        self._task_managers: list[Process] = []
        self._started = 0
        self._ports = free_ports(6)
        self.rest = f"127.0.0.1:{self._ports[0]}"
        self.job_endpoint = f"127.0.0.1:{self._ports[1]}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def beam_args(self, parallelism: int, python_workers: int = 1) -> tuple[str, ...]:
        """Options that run a job here.

        Args:
            parallelism: slots that the job uses.
            python_workers: Python processes of each task manager.
        """
        return (
            "--runner=FlinkRunner",
            f"--job_endpoint={self.job_endpoint}",
            f"--environment_config=127.0.0.1:{self._ports[5]}",
            f"--parallelism={parallelism}",
            f"--sdk_worker_parallelism={python_workers}",
        )

    def overview(self) -> dict[str, Any]:
        """What the cluster says of itself: task managers, slots, jobs."""
        return self._asked("overview")

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs, the newest last, with their states."""
        found = self._asked("jobs/overview")["jobs"]
        return sorted(found, key=lambda job: job["start-time"])

    def seconds(self) -> float:
        """How long the newest job ran."""
        job = self.jobs()[-1]
        return float(job["end-time"] - job["start-time"]) / 1e3

    def failures(self) -> int:
        """How often something of the newest job failed, so that it began again."""
        job = self.jobs()[-1]["jid"]
        return len(self._asked(f"jobs/{job}/exceptions")["exceptionHistory"]["entries"])

    def kill_task_manager(self, which: int = 0) -> None:
        """End a task manager as a power cut would, and start another in its place."""
        self._task_managers.pop(which).kill()
        self._start_task_manager()

    def close(self) -> None:
        """End all of it."""
        for process in [*self._others[::-1], *self._task_managers]:
            process.kill()
        self._others, self._task_managers = [], []
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)

    def _asked(self, what: str) -> Any:
        with urllib.request.urlopen(f"http://{self.rest}/{what}", timeout=20) as answer:
            return json.load(answer)

    def _start(self) -> None:
        (self._folder / "tmp").mkdir(parents=True, exist_ok=True)
        (self._folder / "log4j.properties").write_text(_LOG4J)
        lines = [f"{name}: {value}\n" for name, value in self._settings().items()]
        (self._folder / "flink-conf.yaml").write_text("".join(lines))
        config = ("--configDir", str(self._folder))
        rest, job, artifacts, expansion, _, pool = self._ports
        manager = self._java("manager", 256, [_MANAGER, *config])
        [sent] = JARS.glob(_SENT)
        server = self._java(
            "job-server",
            384,
            [
                *(f"-Dzap.sent={sent}", str(_JOB_SERVER)),
                *("--flink-master", self.rest),
                *("--flink-conf-dir", str(self._folder)),
                *("--artifacts-dir", str(self._folder / "tmp" / "artifacts")),
                *("--job-host", "127.0.0.1", "--job-port", str(job)),
                *("--artifact-port", str(artifacts)),
                *("--expansion-port", str(expansion)),
            ],
        )
        paths = [str(ROOT), *filter(None, sys.path)]
        workers = Process(
            "workers",
            [sys.executable, "-m", "zap.cli.main", "workers", "--port", str(pool)],
            self._folder,
            {"PYTHONPATH": os.pathsep.join(paths)},
        )
        self._others = [manager, server, workers]
        for _ in range(self._wanted):
            self._start_task_manager()
        manager.wait_for(lambda: answers(rest))
        server.wait_for(lambda: answers(job))
        workers.wait_for(lambda: answers(pool))
        self.wait_for_slots()

    def wait_for_slots(self, patience_s: float = 180.0) -> None:
        """Wait until all task managers have told the manager of their slots."""
        limit = time.monotonic() + patience_s
        while self._slots_there() < self._slots * len(self._task_managers):
            if time.monotonic() > limit:
                raise RuntimeError(f"Task managers are missing; see {self._folder}")
            time.sleep(0.1)

    def _slots_there(self) -> int:
        try:
            return int(self.overview()["slots-total"])
        except OSError:  # it listens before it can answer
            return 0

    def _start_task_manager(self) -> None:
        self._started += 1
        arguments = [_WORKER, "--configDir", str(self._folder)]
        name = f"task-manager-{self._started}"
        heap = self._heap_mb + 96
        self._task_managers.append(self._java(name, heap, arguments))

    def _java(self, name: str, heap_mb: int, arguments: Sequence[str]) -> Process:
        log = f"-Dlog4j.configurationFile={self._folder}/log4j.properties"
        path = ("-cp", f"{JARS}/*")
        command = [*_JAVA, f"-Xmx{heap_mb}m", log, *path, *arguments]
        return Process(name, command, self._folder)

    def _settings(self) -> dict[str, Any]:
        """Flink's own settings; a job is started again after a failure."""
        memory = "taskmanager.memory"
        return {
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self._ports[4],
            "jobmanager.bind-host": "127.0.0.1",
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self._ports[0],
            "taskmanager.host": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": self._slots,
            "taskmanager.cpu.cores": float(self._slots),
            f"{memory}.framework.heap.size": "96m",
            f"{memory}.task.heap.size": f"{self._heap_mb}m",
            f"{memory}.framework.off-heap.size": "64m",
            f"{memory}.task.off-heap.size": "64m",
            f"{memory}.network.min": "256m",
            f"{memory}.network.max": "256m",
            f"{memory}.managed.size": "128m",
            f"{memory}.jvm-metaspace.size": "192m",
            f"{memory}.jvm-overhead.min": "96m",
            f"{memory}.jvm-overhead.max": "96m",
            "classloader.resolve-order": "parent-first",
            "cluster.uncaught-exception-handling": "FAIL",
            "restart-strategy.type": "fixed-delay",
            "restart-strategy.fixed-delay.attempts": 20,
            "restart-strategy.fixed-delay.delay": "1 s",
            "io.tmp.dirs": self._folder / "tmp",
        }
