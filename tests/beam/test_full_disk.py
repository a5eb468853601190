"""A disk that fills up fails the run with one message, whichever file found no room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from forked_runs import HERE, ForkedRuns
from made_rows import made_rows, write_files

from zap.datasets.store import Dataset

ROWS = made_rows(120)
BAD = [{"event": "page_view", "note": "x" * 400} for _ in range(900)]
PAGE_BYTES = 4096
MESSAGE = "zap generate: Expected an output that can be written to its end. Received: "
Disk = Callable[[int], AbstractContextManager[Path]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedRuns]:
    server = ForkedRuns(tmp_path_factory.mktemp("log") / "log.txt")
    yield server
    server.close()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """Makes a small file system of a number of pages."""

    @contextmanager
    def mounted(pages: int) -> Iterator[Path]:
        folder = tmp_path / "disk"
        folder.mkdir(exist_ok=True)
        size = f"size={pages * PAGE_BYTES}"
        command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"may not mount a small file system: {done.stderr.strip()}")
        try:
            yield folder
        finally:
            subprocess.run(["umount", str(folder)], check=True)

    return mounted


def argv(raw: Path, output: Path, *more: str) -> list[str]:
    first = ["generate", "--generator", "made_shop:MadeShop", "--no-check"]
    first += ["--mapping", str(HERE / "made_shop.toml"), "--max-bad-share", "1"]
    return [*first, "--input", str(raw), "--output", str(output), *more]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    write_files(folder, ROWS)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory, runs: ForkedRuns, raw: Path) -> Dataset:
    output = tmp_path_factory.mktemp("whole") / "examples"
    assert runs.run(argv(raw, output)) == 0, runs.log.read_text()
    return Dataset.open(output)


def pages(dataset: Dataset) -> dict[str, int]:
    """The pages that files take on the small file system."""
    root = Path(dataset.path)
    return {
        str(path.relative_to(root)): -(-path.stat().st_size // PAGE_BYTES)
        for path in root.rglob("*")
        if path.is_file()
    }


def refused(runs: ForkedRuns, strerror: str = "No space left on device") -> str:
    """The name of the file that found no room, which is all that was said."""
    said = runs.log.read_text()
    first, _, rest = said.partition("path=")
    path, _, fix = rest.partition(f" ({strerror}). ")
    assert first == MESSAGE, said
    assert fix.startswith("Free space there") and fix.count("\n") == 1, said
    return path.partition(".tmp-")[2].partition("/")[2]


@pytest.mark.slow
def test_whichever_file_finds_no_room_the_message_names_it(
    runs: ForkedRuns, disk: Disk, raw: Path, whole: Dataset
) -> None:
    sizes = pages(whole)
    named: list[str] = []
    # What waits to be sorted takes room as well, until the examples are written.
    for room in range(1, 4 * sum(sizes.values()), 3):
        with disk(room) as folder:
            if runs.run(argv(raw, folder / "examples")) == 0:
                made = Dataset.open(folder / "examples")
                assert made.manifest["digest"] == whole.manifest["digest"]
                assert pages(made) == sizes
                assert len(made.read("train")) == len(whole.read("train"))
                break
            named.append(refused(runs))
            assert [*folder.iterdir()] == []
    else:
        raise AssertionError(f"no room was enough: {named}")
    assert "result.json" in named
    for kind in ("shuffle/", "/part-"):
        assert any(kind in name for name in named), named


@pytest.mark.slow
def test_dead_letters_find_no_room(
    tmp_path: Path, runs: ForkedRuns, disk: Disk, whole: Dataset
) -> None:
    write_files(tmp_path / "raw", ROWS + BAD)
    for room in (4, 40):
        with disk(room) as folder:
            assert runs.run(argv(tmp_path / "raw", folder / "examples")) == 2
            assert refused(runs).startswith("dead_letters/")
            assert [*folder.iterdir()] == []
    output = tmp_path / "examples"
    assert runs.run(argv(tmp_path / "raw", output)) == 0, runs.log.read_text()
    assert Dataset.open(output).manifest["digest"] == whole.manifest["digest"]


def test_a_dataset_stays_that_found_no_room_to_be_replaced(
    runs: ForkedRuns, disk: Disk, raw: Path, whole: Dataset
) -> None:
    with disk(sum(pages(whole).values()) * 3 // 2) as folder:
        output = folder / "examples"
        assert runs.run(argv(raw, output)) == 0
        assert runs.run(argv(raw, output, "--replace")) == 2
        assert "part-" in refused(runs)
        assert [path.name for path in folder.iterdir()] == ["examples"]
        assert Dataset.open(output).manifest["digest"] == whole.manifest["digest"]
        assert len(Dataset.open(output).read("test")) == len(whole.read("test"))


def test_no_room_for_a_directory_is_said_before_any_work(
    tmp_path: Path, runs: ForkedRuns, raw: Path, disk: Disk
) -> None:
    with disk(100) as folder:
        subprocess.run(["mount", "-o", "remount,nr_inodes=4", str(folder)], check=True)
        assert runs.run(argv(raw, folder / "examples")) == 2
        said = runs.log.read_text()
        assert "Expected an output directory that can be made" in said
        assert "No space left on device" in said and said.count("\n") == 1
        assert [*folder.iterdir()] == []


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_may_not_grow_is_named(
    tmp_path: Path, runs: ForkedRuns, raw: Path, compression: str, workers: int
) -> None:
    """The same without a file system of one's own: no file may pass a size."""
    output = tmp_path / "examples"
    more = ["--compression", compression]
    if workers > 1:
        more.append(f"--direct_num_workers={workers}")
    ended = runs.run(argv(raw, output, *more), file_bytes=3_000, dies_there=False)
    assert ended == 2, runs.log.read_text()
    assert refused(runs, os.strerror(27)).startswith(("shuffle/", "train/part-"))
    assert [*tmp_path.iterdir()] == []
    assert runs.run(argv(raw, output, *more)) == 0, runs.log.read_text()
