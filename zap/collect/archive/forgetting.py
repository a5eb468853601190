"""One subject taken out of an archive, while it is written and read.

Files that hold any of its events are written again without them and put in their own
places, with as many row groups as before: whoever reads one goes on in the old file,
and whoever has listed its groups finds them. What stays are hashes of the events' ids,
which tell of nobody, and keep the events from coming back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zap.collect.archive.commits import Commits
from zap.collect.archive.forgotten import Names, leave_note
from zap.collect.archive.locks import CHANGES, REWRITES, held
from zap.collect.archive.partitions import folders, writer_to
from zap.collect.archive.tidying import MERGED
from zap.datasets.publishing import sync
from zap.errors import CollectError
from zap.events.archive_files import HOME, current

MADE = "without"


@dataclass
class ForgottenRows:
    """What was taken out of an archive.

    Attributes:
        removed: events.
        linked: other ids that these events named, as ``anonymous_id`` or ``user_id``:
            of the same person, or of who used the same device.
    """

    removed: int = 0
    linked: set[str] = field(default_factory=set)


def forget_archived(
    root: str | Path, names: Names, below: int | None = None
) -> ForgottenRows:
    """Take a subject out of an archive. May be run again at any time.

    Args:
        root: the archive's folder.
        names: by field, ``anonymous_id`` or ``user_id``, what the subject is called.
        below: the number at which the spool ends: earlier events of the subject that
            are still on their way do not come. None: nothing is on its way.

    Raises:
        CollectError: there is no archive, a file is damaged, or the disk refuses; the
            files before it are done.
    """
    root = Path(root)
    home = root / HOME
    if not home.is_dir():
        raise CollectError(
            "Expected the folder of an archive, which zap collect has written. "
            f"Received: archive={root}. Correct the path."
        )
    found = ForgottenRows()
    place = root
    try:
        with held(home / REWRITES):
            with held(home / CHANGES):
                Commits(root).open()
                if below is not None:
                    leave_note(home, names, below)
            for left in (MERGED, MADE):  # of one that was killed
                (home / left).unlink(missing_ok=True)
            for folder in folders(root):
                place = folder
                _in_folder(folder, names, home / MADE, found)
    except (OSError, pa.ArrowException) as error:
        raise CollectError(
            "Expected an archive whose files can be read and written. Received: "
            f"{place} ({type(error).__name__}: {error}). Mend it, and run it again."
        ) from error
    found.linked -= {name for of_field in names.values() for name in of_field}
    return found


def _in_folder(folder: Path, names: Names, made: Path, found: ForgottenRows) -> None:
    paths = sorted(str(path) for path in folder.glob("*.parquet"))
    now = {*current(paths)}
    for path in paths:
        gone = _in_file(Path(path), names, made)
        if path in now:  # others hold the same events once more
            found.removed += gone.removed
            found.linked |= gone.linked


def _in_file(path: Path, names: Names, made: Path) -> ForgottenRows:
    """Write a file again, if it holds any event of the subject."""
    found = ForgottenRows()
    with pq.ParquetFile(path) as parquet:
        groups = range(parquet.num_row_groups)
        for group in groups:
            table = parquet.read_row_group(group, columns=[*names], use_threads=False)
            mask = _named(table, names)
            gone = table.filter(mask)
            found.removed += gone.num_rows
            for column in gone.columns:
                found.linked |= {*column.drop_null().to_pylist()}
        if not found.removed:
            return found
        with made.open("wb") as file, writer_to(file) as to:
            for group in groups:
                table = parquet.read_row_group(group, use_threads=False)
                to.write_table(table.filter(pc.invert(_named(table, names))))
    sync(made)
    made.replace(path)
    sync(path.parent)
    return found


def _named(table: pa.Table, names: Names) -> pa.ChunkedArray:
    """Which rows are the subject's."""
    mask = pa.chunked_array([pa.repeat(False, table.num_rows)])
    for name, of_field in names.items():
        wanted = pa.array(sorted(of_field), pa.string())
        mask = pc.or_(mask, pc.is_in(table.column(name), value_set=wanted))
    return mask
