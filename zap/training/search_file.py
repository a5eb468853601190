"""The SQLite file of a search, as Optuna takes it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from zap.errors import TrainingError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

_SQLITE = b"SQLite format 3\x00"


def check_file(path: Path) -> None:
    """Refuse a file that is something else, before SQLite would write in it.

    Raises:
        TrainingError: it is.
    """
    if not path.exists() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            raise TrainingError(
                "Expected the SQLite file of a search, or a new file. Received: "
                f"storage={path}, which is something else. Name another."
            )


def stored_in(path: Path) -> RDBStorage:
    """The storage in a file, which is made if it is not there.

    It is opened by its path: in a URL some characters of a name mean something else,
    and which do depends on the version of SQLAlchemy.
    """
    from optuna.storages import RDBStorage

    whole = path.resolve()

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(whole, check_same_thread=False)

    return RDBStorage("sqlite:///by-its-path", engine_kwargs={"creator": connect})
