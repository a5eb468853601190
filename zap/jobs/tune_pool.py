"""The worker processes of a search, each led by a thread of the search's process."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import zap
from zap.errors import DatasetError, TrainingError
from zap.training.trials import Trial
from zap.training.tuning import Search

COMMAND = (sys.executable, "-P", "-m", "zap.jobs.tune_worker")
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
TRIALS_A_WORKER = 20  # TensorFlow keeps some 10 MB of each graph that it has run
_SAID = 600  # characters of a dead process's last words that are kept


class WorkerDied(Exception):
    """A worker process ended while it should have answered."""


class Worker:
    """A process of ``zap.jobs.tune_worker``.

    Args:
        dataset: the examples.
        threads: how many it may keep busy.

    Attributes:
        orders: how many trials it was given.
    """

    def __init__(self, dataset: str, threads: int):
        self.orders = 0
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [*COMMAND, dataset],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=_environment(threads),
        )

    def say(self, **message: Any) -> None:
        """Write a line to the process.

        Raises:
            WorkerDied: it is gone.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{json.dumps(message)}\n")
            self._process.stdin.flush()
        except OSError as error:
            raise WorkerDied(self._last_words()) from error

    def hear(self) -> dict[str, Any]:
        """The next line of the process.

        Raises:
            WorkerDied: it is gone.
        """
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise WorkerDied(self._last_words())
        message: dict[str, Any] = json.loads(line)
        return message

    def _last_words(self) -> str:
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()[-_SAID:]
        return f"its process ended with {code}" + (f": {said}" if said else "")

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()

    def close(self) -> None:
        """End the process and everything that belongs to it."""
        self.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._said):
            if file:
                _close(file)


def _close(file: Any) -> None:
    with contextlib.suppress(OSError):  # what was written last found nobody
        file.close()


def _environment(threads: int) -> Mapping[str, str]:
    """This process's own, with threads that share the cores, and this very Zap."""
    own = [str(Path(zap.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        **dict.fromkeys(_THREADS, str(threads)),
        "PYTHONPATH": os.pathsep.join(part for part in own if part),
    }


class Pool:
    """Workers that try what a search asks for, until enough trials are done.

    Args:
        search: only used under this pool's lock.
        dataset: the examples.
        trials: how many are done at the end, those of earlier runs among them.
        workers: processes at once.
        losses: where a trial's losses go.
        completed: called with the lock held after each complete trial.

    Attributes:
        lock: to be held by whoever uses the search.
    """

    def __init__(
        self,
        search: Search,
        dataset: str,
        trials: int,
        workers: int,
        losses: Callable[[int], Path],
        completed: Callable[[], None],
    ):
        self._search, self._dataset, self._trials = search, dataset, trials
        self._losses, self._completed = losses, completed
        self._cores_each = max(1, len(os.sched_getaffinity(0)) // workers)
        self.lock = threading.Lock()
        self._ending = threading.Event()
        self._killed = threading.Event()
        self._errors: list[BaseException] = []
        self._alive: dict[threading.Thread, Worker] = {}
        self._epochs: dict[int, int] = {}
        self._threads = [threading.Thread(target=self._lead) for _ in range(workers)]

    def __enter__(self) -> Pool:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Ends all workers; trials that they were at can be tried again."""
        self._ending.set()
        self._killed.set()
        for worker in list(self._alive.values()):
            worker.kill()
        for thread in self._threads:
            thread.join()

    def ticks(self, every_seconds: float = 0.5) -> Iterator[dict[int, int]]:
        """Epochs of the running trials by number, until all is done.

        Raises:
            ZapError: what ended the search.
        """
        while any(thread.is_alive() for thread in self._threads):
            time.sleep(every_seconds)
            yield dict(self._epochs)
        if self._errors:
            raise self._errors[0]

    def begin_no_more(self) -> None:
        """Lets running trials end, and begins none."""
        self._ending.set()

    def _lead(self) -> None:
        try:
            while not self._ending.is_set() and self._lead_one():
                pass
        except BaseException as error:
            if not self._killed.is_set():
                self._errors.append(error)
            self._ending.set()
        finally:
            if worker := self._alive.pop(threading.current_thread(), None):
                worker.close()

    def _lead_one(self) -> bool:
        """One trial; False where there is none to be done."""
        worker = self._ready()
        with self.lock:
            trial = None if self._ending.is_set() else self._search.next(self._trials)
        if trial is None:
            return False
        self._epochs[trial.number] = 0
        try:
            self._follow(worker, trial)
        except WorkerDied as died:
            self._alive.pop(threading.current_thread()).close()
            if self._killed.is_set():
                return False
            with self.lock:
                self._search.fail(trial, str(died))
        finally:
            del self._epochs[trial.number]
        return True

    def _ready(self) -> Worker:
        """This thread's worker, with the examples in its memory."""
        thread = threading.current_thread()
        if thread in self._alive and self._alive[thread].orders >= TRIALS_A_WORKER:
            self._alive.pop(thread).close()
        if thread not in self._alive:
            self._alive[thread] = worker = Worker(self._dataset, self._cores_each)
            try:
                answer = worker.hear()
            except WorkerDied as died:
                raise TrainingError(
                    "Expected a worker process that reads the examples. Received: "
                    f"{died}. Use fewer --workers if the memory does not hold them."
                ) from died
            if "refused" in answer:
                kind = DatasetError if answer["dataset"] else TrainingError
                raise kind(answer["refused"])
        return self._alive[thread]

    def _follow(self, worker: Worker, trial: Trial) -> None:
        search, where = self._search, self._losses(trial.number)
        worker.orders += 1
        worker.say(trial=trial.number, config=trial.config.to_dict(), losses=str(where))
        while "epoch" in (said := worker.hear()):
            with self.lock:
                go = search.report(trial, said["epoch"], said["loss"])
            self._epochs[trial.number] = said["epoch"]
            worker.say(go=go)
        with self.lock:
            if "given_up" in said:
                search.prune(trial)
            elif "failed" in said:
                search.fail(trial, said["failed"])
            else:
                search.complete(trial, said["loss"])
                self._completed()
