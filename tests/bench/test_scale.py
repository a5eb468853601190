"""The proofs on clusters: what they hold against each other, and what they run on."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path

import apache_beam as beam
import pyarrow.parquet as pq
import pytest

from bench.scale import digests
from bench.scale.cases import LOCAL, Case, cluster_for, missing, run_case, same
from bench.scale.faults import main as faults
from bench.scale.flink import FlinkCluster
from bench.scale.inputs import Shop
from bench.scale.questions import QUESTIONS, Fitted

INSTALL = Path(digests.__file__).parent / "servers" / "install"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("shop"), 3_000)


def test_prism_is_of_the_version_of_the_sdk() -> None:
    [version] = re.findall(r"^prism_version=(.+)$", INSTALL.read_text(), re.MULTILINE)
    assert version == beam.__version__


def test_events_are_dealt_out_and_none_is_lost(shop: Shop, tmp_path: Path) -> None:
    assert len(shop.files) == 6
    ids = Counter(
        event for path in shop.files for event in pq.read_table(path)["id"].to_pylist()
    )
    one = Shop(tmp_path, 3_000, 1)
    assert ids == Counter(pq.read_table(one.files[0])["id"].to_pylist())
    assert shop.mapping("estimated.toml").observed is None
    assert shop.mapping("persons.toml").dimensions


@pytest.mark.slow
def test_a_dataset_that_differs_is_told(shop: Shop, tmp_path: Path) -> None:
    def made(**how):
        case = Case("here", "local", **how)
        return run_case(case, Fitted, shop, tmp_path / "out", LOCAL)

    whole = made()
    cut = made(batch_rows=100, shards=3, backwards=True)
    assert same(cut, whole)
    for name in ("digest", "counts", "splits", "encoder"):
        assert not same({**cut, name: "another"}, whole)
    assert not same({**cut, "left": [".half"]}, whole)
    found = {"here": {name: whole for name in QUESTIONS}}
    assert "DIFFERS" not in digests.table(found)
    found["there"] = {**found["here"], "bots": {**whole, "digest": "0" * 32}}
    assert digests.table(found).count("DIFFERS") == 1


def proven(runner: str) -> pytest.MarkDecorator:
    """Only where it is asked for (ZAP_PROVE=1), and what it needs is there."""
    reason = missing(runner)
    if not os.environ.get("ZAP_PROVE"):
        reason = "long: set ZAP_PROVE=1, or run make prove-scale"
    return pytest.mark.skipif(reason is not None, reason=reason or "")


@proven("prism")
def test_the_same_examples_on_prism(tmp_path: Path, capsys) -> None:
    small = ["--events", "6000", "--work", str(tmp_path)]
    assert digests.main([*small, "--runners", "prism"]) == 0


@proven("flink")
def test_the_same_examples_on_flink(tmp_path: Path, capsys) -> None:
    small = ["--events", "6000", "--work", str(tmp_path)]
    assert digests.main([*small, "--runners", "flink"]) == 0


@proven("flink")
def test_a_task_manager_killed_changes_nothing(tmp_path: Path, capsys) -> None:
    small = ["--events", "6000", "--work", str(tmp_path), "--rounds", "2"]
    assert faults(small) == 0


@proven("flink")
def test_a_cluster_leaves_nothing_running(tmp_path: Path) -> None:
    with cluster_for((Case("", "flink"),), tmp_path / "flink") as cluster:
        assert isinstance(cluster, FlinkCluster)
        assert cluster.overview()["slots-total"] == 4
    assert not (tmp_path / "flink" / "tmp").exists()
