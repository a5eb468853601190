"""What a job would read is what it reads, however its inputs overlap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fsspec
import pytest

from zap.events.mapping import EventMapping
from zap.events.planned import plan_inputs
from zap.events.sources import list_files

EVENTS = b"ts,e,who\n2024-01-02T00:00:00Z,v,u1\n"
PLANS = b"id,since,plan\nu1,2024-01-01,paid\n"


def mapping_of(*dimensions: str, folder: str = ".") -> EventMapping:
    """A mapping with dimensions, each in a file or a folder."""
    told = [
        {
            "name": f"plans{number}",
            "input": where,
            "valid_from": "since",
            "fields": {"user_id": "id"},
            "properties": {f"plan{number}": "plan"},
        }
        for number, where in enumerate(dimensions)
    ]
    fields = {"timestamp": "ts", "type": "e", "user_id": "who"}
    made = {"timezone": "UTC", "fields": fields, "dimensions": told}
    return EventMapping.from_dict(made, folder=folder)


@pytest.fixture(params=["local", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Events, with the files of a dimension in a folder beside them."""
    root = str(tmp_path) if request.param == "local" else f"memory:/{tmp_path}"
    files, where = fsspec.core.url_to_fs(root)
    files.makedirs(f"{where}/plans", exist_ok=True)
    files.pipe_file(f"{where}/plans/1.csv", PLANS)
    for name in ("a", "b"):
        files.pipe_file(f"{where}/{name}.csv", EVENTS)
    return root


@pytest.mark.parametrize(
    ("inputs", "numbers"),
    [
        (["a.csv"], [1]),
        (["*.csv"], [2]),
        ([""], [2]),
        (["", "a.csv"], [2, 0]),
        (["a.csv", ""], [1, 1]),
    ],
)
def test_files_of_a_dimension_are_counted_once(
    root: str, inputs: Sequence[str], numbers: list[int]
) -> None:
    mapping = mapping_of("plans", folder=root)
    if "://" in root:
        mapping = mapping_of(f"{root}/plans")
    paths = [f"{root}/{each}".rstrip("/") for each in inputs]
    planned = plan_inputs(paths, mapping, None)
    assert [each.number for each in planned] == [*numbers, 1]
    read = list_files(paths, mapping)
    assert sum(each.number for each in planned) == len(read)
    assert sum(each.read_bytes for each in planned) == sum(f.size_bytes for f in read)


def test_a_file_of_two_dimensions_is_read_for_each(tmp_path: Path) -> None:
    (tmp_path / "plans.csv").write_bytes(PLANS)
    (tmp_path / "events.csv").write_bytes(EVENTS)
    mapping = mapping_of("plans.csv", "plans.csv", folder=str(tmp_path))
    planned = plan_inputs([str(tmp_path)], mapping, None)
    assert [each.number for each in planned] == [1, 1, 1]
    assert len(list_files([str(tmp_path)], mapping)) == 3
