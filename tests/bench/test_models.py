"""The benchmark of kinds: its questions hold aggregates, its verdict is honest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("tensorflow", reason="needs extra: train")
pytest.importorskip("apache_beam", reason="needs extra: beam")

from bench.models import questions
from bench.models.__main__ import SETS, verdict
from zap.examples.generator import Generator


def test_every_question_holds_aggregates_beside_what_the_shipped_one_sees() -> None:
    asked = [
        each
        for each in vars(questions).values()
        if isinstance(each, type)
        and issubclass(each, Generator)
        and each.__module__ == questions.__name__
    ]
    assert len(asked) == len(SETS)
    for cls in asked:
        shipped = cls.__mro__[1]
        assert len(cls.instance.all_aggregates) >= 2
        assert cls.instance.last == shipped.instance.last
        assert cls.label == shipped.label


def test_pages_become_types_and_nothing_else_changes(tmp_path: Path) -> None:
    table = pa.table({"event": ["page_view", "purchase"], "page": ["type_3", None]})
    pq.write_table(table, tmp_path / "in.parquet")
    path = questions.pages_as_types(tmp_path / "in.parquet", tmp_path / "out.parquet")
    found = pq.read_table(path)
    assert found["event"].to_pylist() == ["type_3", "purchase"]
    assert found["page"].equals(table["page"])


@pytest.mark.parametrize(
    ("interval", "word"),
    [((0.01, 0.02), "ahead"), ((-0.01, 0.02), "level"), ((-0.02, -0.01), "behind")],
)
def test_the_verdict_is_that_of_the_interval(
    interval: tuple[float, float], word: str
) -> None:
    best = {"kind": "cnn", "auc": 0.8, "auc_less_trees": [np.mean(interval), *interval]}
    rows = [
        best,
        {"kind": "gru", "auc": 0.7, "auc_less_trees": [9.0, 9.0, 9.0]},
        {"kind": "trees", "auc": 0.9, "auc_less_trees": [0.0, 0.0, 0.0]},
    ]
    assert verdict(rows).startswith(f"cnn {word} (")
