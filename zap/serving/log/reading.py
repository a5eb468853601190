"""Reading a log, while servers write to it.

Entries come file by file, those of each file as they were written: nearly in the order
of their times. Files whose times all lie outside of what is asked for are told by their
first and last line and not read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import suppress
from pathlib import Path

from zap.errors import LogError
from zap.serving.log.entry import MAX_LINE_BYTES, Logged, entry_of
from zap.serving.log.files import SLACK_US, end_of_lines, files_of, folders_of

DAMAGED, TORN = "lines.damaged", "lines.torn"
_BLOCK, _TAIL = 1 << 20, 1 << 16


def read_log(
    folder: str | Path,
    application: str,
    since_us: int | None = None,
    until_us: int | None = None,
    counts: MutableMapping[str, int] | None = None,
) -> Iterator[Logged]:
    """The entries of an application.

    Args:
        folder: of the log.
        application: whose.
        since_us: only those answered at that time or later.
        until_us: only those answered before.
        counts: gets how many lines of the files read were skipped: ``lines.damaged``,
            and ``lines.torn`` at the ends of files, one of which may be being written.

    Raises:
        LogError: there is no log of that application, or it can't be read.
    """
    place = _existing(Path(folder), application)
    return _entries(place, since_us, until_us, {} if counts is None else counts)


def applications_of(folder: str | Path) -> list[str]:
    """The applications that a log has predictions of."""
    return [path.name for path in folders_of(Path(folder))]


def _existing(folder: Path, application: str) -> Path:
    there = applications_of(folder)
    if application not in there:
        raise LogError(
            f"Expected the log of an application in {folder}: "
            f"{', '.join(there) or 'it has none'}. Received: "
            f"application={application!r}. Correct the name or the folder."
        )
    return folder / application


def _entries(
    folder: Path,
    since_us: int | None,
    until_us: int | None,
    counts: MutableMapping[str, int],
) -> Iterator[Logged]:
    for path in files_of(folder):
        if not may_hold(path, since_us, until_us):
            continue
        for entry in entries_in(path, counts):
            late = until_us is not None and entry.time >= until_us
            if not late and (since_us is None or entry.time >= since_us):
                yield entry


def entries_in(path: Path, counts: MutableMapping[str, int]) -> Iterator[Logged]:
    """The entries of one file; see `read_log`.

    Raises:
        LogError: it can't be read.
    """
    for line in lines_in(path, counts):
        try:
            yield entry_of(line)
        except (ValueError, LogError):
            counts[DAMAGED] = counts.get(DAMAGED, 0) + 1


def lines_in(path: Path, counts: MutableMapping[str, int]) -> Iterator[bytes]:
    """The whole lines of a file that are not too long, their ends included."""
    open_end = False
    try:
        with path.open("rb", buffering=_BLOCK) as file:
            # What is too long for a line is gone through in parts.
            while part := file.readline(MAX_LINE_BYTES):
                ends = part.endswith(b"\n")
                if ends and not open_end:
                    yield part
                elif ends:
                    counts[DAMAGED] = counts.get(DAMAGED, 0) + 1
                open_end = not ends
        if open_end:
            counts[TORN] = counts.get(TORN, 0) + 1
    except FileNotFoundError:
        return  # removed since it was listed
    except OSError as error:
        raise _unreadable(path, error) from error


def may_hold(path: Path, since_us: int | None, until_us: int | None) -> bool:
    """Whether a file may hold entries of [since, until): no only where it can't."""
    if since_us is None and until_us is None:
        return True
    try:
        first, last = _ends(path)
    except (OSError, ValueError, LogError):
        return True  # it is read, and what is damaged is counted
    if until_us is not None and first.time - SLACK_US >= until_us:
        return False
    return since_us is None or last.time + SLACK_US >= since_us


def _ends(path: Path) -> tuple[Logged, Logged]:
    """The first entry of a file and its last."""
    with path.open("rb") as file:
        first = entry_of(file.readline(MAX_LINE_BYTES))
        size = end_of_lines(file.fileno(), os.fstat(file.fileno()).st_size)
        start = max(0, size - MAX_LINE_BYTES)
        tail = os.pread(file.fileno(), size - start, start)
        return first, entry_of(tail[tail.rfind(b"\n", 0, -1) + 1 :])


def find(folder: str | Path, prediction_id: str) -> Logged:
    """The entry of a prediction, whichever application's it is.

    Raises:
        LogError: the log has none, or can't be read.
    """
    sought = f'"id":"{prediction_id}"'.encode("utf-8", "replace")
    for place in folders_of(Path(folder)):
        for path in reversed(files_of(place)):
            for line in lines_in(path, {}):
                if sought in line:
                    try:
                        entry = entry_of(line)
                    except (ValueError, LogError):
                        continue
                    if entry.id == prediction_id:
                        return entry
    raise LogError(
        f"Expected the id of a prediction in the log {folder}. Received: "
        f"prediction={prediction_id!r}. Correct the id or the folder; a subject that "
        "was forgotten has none there."
    )


def latest(folder: str | Path, application: str, most: int) -> list[Logged]:
    """The entries of an application that were written last, by time, newest first.

    Of each file the last lines alone are read, so that a console can ask every second.

    Raises:
        LogError: there is no log of that application, or it can't be read.
    """
    place = _existing(Path(folder), application)
    found: list[Logged] = []
    for path in reversed(files_of(place)):
        if len(found) >= most and not may_hold(path, found[-1].time, None):
            continue
        for line in _last_lines(path, most):
            with suppress(ValueError, LogError):  # damaged; `read_log` counts it
                found.append(entry_of(line))
        found = sorted(found, key=lambda entry: entry.time, reverse=True)[:most]
    return found


def _last_lines(path: Path, most: int) -> list[bytes]:
    """The last whole lines of a file, their ends included."""
    try:
        with path.open("rb") as file:
            start, tail = os.fstat(file.fileno()).st_size, b""
            while start and tail.count(b"\n") <= most:
                step = min(start, max(_TAIL, len(tail)))
                start -= step
                tail = os.pread(file.fileno(), step, start) + tail
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _unreadable(path, error) from error
    whole = tail.split(b"\n")[:-1]
    return [line + b"\n" for line in whole[1 if start else 0 :][-most:]]


def _unreadable(path: Path, error: OSError) -> LogError:
    return LogError(
        "Expected a file of the log that can be read. Received: "
        f"path={path} ({error.strerror}). Give access to it."
    )
