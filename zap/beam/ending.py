"""Runs a program that ends when the process which asked for it has ended.

However that one ends: after kill -9 nobody is left to end a server that it had started.
Run by its path and not imported, and with the number of the process that asks. The
program is a child of this process and not of that one, since Linux ties a child to the
thread that made it, and threads of a job come and go.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

POLL_S = 0.2
_PR_SET_PDEATHSIG = 1


def main(asking: int, command: list[str]) -> int:
    """Run a program to its end, or to the end of another process.

    Args:
        asking: the number of that process, which is this one's parent.
        command: the program and its arguments.

    Returns:
        The program's exit code.
    """
    child = subprocess.Popen(command, preexec_fn=_die_with_parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: child.send_signal(number))
    while os.getppid() == asking:
        if child.poll() is not None:
            return child.returncode
        time.sleep(POLL_S)
    child.kill()
    return child.wait()


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
