"""A file has its name only when it is whole, whoever else writes it."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from zap.datasets.publishing import UNFINISHED, remove_unfinished
from zap.datasets.writing import whole
from zap.errors import DatasetError


def test_a_name_appears_with_all_of_its_content(tmp_path: Path) -> None:
    path = tmp_path / "part"
    with whole(str(path)) as file:
        file.write(b"first, ")
        assert not path.exists()
        file.write(b"second")
    assert path.read_bytes() == b"first, second"
    assert os.listdir(tmp_path) == ["part"]


def test_a_writer_that_was_cut_off_does_no_harm(tmp_path: Path) -> None:
    """It began before the one that took its place, and ends after it, or never."""
    path, content = tmp_path / "part", b"x" * 100_000
    with whole(str(path)) as slow:
        slow.write(content[:50_000])
        slow.flush()
        with whole(str(path)) as again:
            again.write(content)
        assert path.read_bytes() == content
        slow.write(content[50_000:])
        assert path.read_bytes() == content
    assert path.read_bytes() == content


def test_what_fails_leaves_neither_a_name_nor_a_rest(tmp_path: Path) -> None:
    path = tmp_path / "part"
    path.write_bytes(b"old")
    with pytest.raises(KeyError), whole(str(path)) as file:
        file.write(b"new")
        raise KeyError
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["part"]


def test_a_folder_that_is_gone_stays_gone(tmp_path: Path) -> None:
    folder = tmp_path / "workspace"
    late = whole(f"{folder}/part")
    with pytest.raises(DatasetError, match="Expected an output"), late as file:
        file.write(b"late")
    assert not folder.exists()


def test_elsewhere_a_file_is_whole_by_itself() -> None:
    with whole("memory://whole/part") as file:
        file.write(b"content")
    files = fsspec.filesystem("memory")
    assert files.cat_file("/whole/part") == b"content"
    assert [Path(path).name for path in files.ls("/whole", detail=False)] == ["part"]


def test_what_killed_writers_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "part-1").write_bytes(b"whole")
    (tmp_path / "train" / f"part-1.0123abcd{UNFINISHED}").write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert os.listdir(tmp_path / "train") == ["part-1"]
