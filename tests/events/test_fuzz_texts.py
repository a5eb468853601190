"""CSV and JSON Lines that are damaged at random: never a traceback, no row lost."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from fuzzing import (
    COLUMNS,
    EDITS,
    MAPPING,
    bounded,
    check_file,
    cut_and_patched,
)
from hypothesis import given
from hypothesis import strategies as st

from zap.events.mapping import EventMapping

CHECKED = EventMapping.from_dict(MAPPING)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
}

CELLS = [
    "", " ", "2024-01-01T00:00:00Z", "2024-03-31 01:30:00", "0000-00-00", "1e999",
    "9999-12-31T23:59:59Z", "-290000-01-01", "31/02/2024", "01/01/0001", "NaN", "inf",
    "-0", "1.0", "1e3", "9" * 400, "9223372036854775808", "0x10", "true", "T", "test",
    "free", "\x00", "\ufeff", "a\nb", "a\rb", 'a"b', '"', ",", "é", "\U0001f600", "٣",
    "1_000", "+1", "0x10", "2024-01-01Z", "2024-01-01T00Z",
    "1704067200000", "2024-01-01T24:00:00Z", "2024-01-01", "12/31/2024",
    "-9223372036854775808", "2024-01-01T00:00:00+99:99", "01/01/2024", "Infinity",
]  # fmt: skip
SCALARS: list[Any] = [
    *CELLS, None, True, False, 0, -1, 1.5, 2**63, -(2**63), 2**64, 10**30, 1e308,
    5e-324,
    [], {}, [1], {"leaf": 1}, {"leaf": {"leaf": []}}, [[{}]], "x" * 3000,
]  # fmt: skip


@st.composite
def csv_files(draw: st.DrawFn) -> bytes:
    """CSV whose cells are odd and whose quoting is mostly right."""
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines = [",".join(COLUMNS)]
    cell = st.one_of(st.sampled_from(CELLS), st.text(max_size=5))
    for _ in range(draw(st.integers(0, 8))):
        cells = draw(st.lists(cell, min_size=len(COLUMNS), max_size=len(COLUMNS)))
        if draw(st.booleans()):
            cells[:2] = ["2024-01-01T00:00:00Z", "view"]
        quote = any(c in "".join(cells) for c in ',"\r\n')
        if quote or draw(st.booleans()):
            cells = ['"' + c.replace('"', '""') + '"' for c in cells]
        lines.append(",".join(cells))
    text = end.join(lines) + draw(st.sampled_from(["", end]))
    return text.encode("utf-8", "surrogatepass")


@st.composite
def json_files(draw: st.DrawFn) -> bytes:
    """JSON Lines whose leaves are of any type."""
    leaf = st.one_of(st.sampled_from(SCALARS), st.text(max_size=4))
    keys = st.sampled_from([*COLUMNS, "deep", ""])
    lines = []
    for _ in range(draw(st.integers(0, 8))):
        row = draw(st.dictionaries(keys, leaf, max_size=9))
        if draw(st.booleans()):
            row |= {"ts": "2024-01-01T00:00:00Z", "kind": "view"}
        ascii_only = draw(st.booleans())
        line = json.dumps(row, ensure_ascii=ascii_only)
        if draw(st.integers(0, 9)) == 0:
            line = line.replace("{", '{"ts": 1, "ts": 2, ', 1)
        lines.append(line)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return end.join(lines).encode("utf-8", "surrogatepass") + b"\n"


def check_text(folder: Path, data: bytes, suffix: str, pack: str) -> None:
    path = folder / f"f{suffix}{pack}"
    path.write_bytes(PACK[pack](data))
    check_file(path, CHECKED, data.count(b"\n") + data.count(b"\r") + 1)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
@bounded(60)
@given(st.binary(min_size=1, max_size=300), st.sampled_from(sorted(PACK)))
def test_random_bytes(
    tmp_path_factory: Any, suffix: str, data: bytes, pack: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    check_text(folder, data, suffix, pack)
    if suffix == ".csv":
        check_text(folder, ",".join(COLUMNS).encode() + b"\n" + data, suffix, pack)


@pytest.mark.slow
@bounded(250)
@given(csv_files(), EDITS, st.sampled_from(sorted(PACK)))
def test_damaged_csv(tmp_path_factory: Any, data: bytes, edits: Any, pack: str) -> None:
    damaged = cut_and_patched(data, edits)
    check_text(tmp_path_factory.getbasetemp(), damaged, ".csv", pack)


@pytest.mark.slow
@bounded(250)
@given(json_files(), EDITS, st.sampled_from(sorted(PACK)))
def test_damaged_json(
    tmp_path_factory: Any, data: bytes, edits: Any, pack: str
) -> None:
    damaged = cut_and_patched(data, edits)
    check_text(tmp_path_factory.getbasetemp(), damaged, ".jsonl", pack)


@pytest.mark.parametrize("suffix", [".csv.gz", ".csv.zst", ".jsonl.gz", ".parquet"])
@bounded(40)
@given(st.binary(min_size=1, max_size=200), EDITS)
def test_damaged_containers(
    tmp_path_factory: Any, suffix: str, data: bytes, edits: Any
) -> None:
    path = tmp_path_factory.getbasetemp() / f"f{suffix}"
    pack = PACK.get(Path(suffix).suffix, lambda x: b"PAR1" + x + b"PAR1")
    path.write_bytes(cut_and_patched(pack(data), edits))
    check_file(path, CHECKED, 10_000)
