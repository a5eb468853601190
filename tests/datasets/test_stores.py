"""Stores that refuse: one error that tells what to mend, whatever they raise."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from zap.datasets.stores import check_writable, reading
from zap.errors import DatasetError


class Locked(MemoryFileSystem):
    """A store to which nobody may write, and which logs as gcsfs does."""

    protocol = "locked"

    def pipe_file(self, path: str, *_: Any, **__: Any) -> None:
        try:
            raise RuntimeError("no credentials")
        except RuntimeError:
            logging.getLogger("gcsfs").exception("non-retriable exception")
            raise


def test_a_store_that_can_be_written_to_is_left_as_it_was() -> None:
    files = fsspec.filesystem("memory")
    files.pipe_file("/kept/a/there", b"1")
    check_writable("memory://kept/a")
    assert files.find("/kept") == ["/kept/a/there"]


def test_a_local_folder_is_not_touched(tmp_path: Path) -> None:
    check_writable(str(tmp_path / "new"))
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_refuses_is_told_in_one_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fsspec.register_implementation("locked", Locked, clobber=True)
    with pytest.raises(DatasetError) as raised:
        check_writable("locked://shop/examples")
    assert str(raised.value) == (
        "Expected an output in a store that can be written to. Received: "
        "output=locked://shop/examples (RuntimeError: no credentials). Make its "
        "bucket, or check the path, the credentials and the network."
    )
    assert caplog.records == []


def test_reading_logs_no_traceback_beside_its_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(DatasetError, match="store that can be read"):  # noqa: SIM117
        with reading("locked://shop/examples"):
            Locked().pipe_file("x")
    assert caplog.records == []
