"""One question on one runner, cut in one way: what its dataset says of itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from bench.scale import flink, prism
from bench.scale.flink import FlinkCluster
from bench.scale.inputs import Shop
from zap.beam.generate import GenerateOptions, generate
from zap.datasets.publishing import UNFINISHED
from zap.examples import Generator

RUNNERS = ("local", "prism", "flink")
LOCAL = ("--direct_num_workers=1",)


@dataclass(frozen=True)
class Case:
    """A way to run a question.

    Attributes:
        name: what is printed.
        runner: of ``RUNNERS``.
        parallelism: workers here, slots on Flink.
        batch_rows: see `GenerateOptions`.
        shards: see `GenerateOptions`.
        backwards: whether the files come in the other order.
        remote: whether the dataset is made on a bucket.
    """

    name: str
    runner: str
    parallelism: int = 1
    batch_rows: int | None = None
    shards: int | None = None
    backwards: bool = False
    remote: bool = False


CASES = (
    Case("local, 1 worker", "local"),
    Case("local, 2 workers", "local", 2),
    Case("local, batches of 1,000 rows, 7 shards", "local", 2, 1_000, 7),
    Case("local, files in another order", "local", 1, backwards=True),
    Case("local, output on a bucket", "local", remote=True),
    Case("Prism", "prism"),
    Case("Prism, cut and ordered otherwise", "prism", 1, 1_000, 7, True),
    Case("Prism, output on a bucket", "prism", remote=True),
    Case("Flink, 1 slot", "flink", 1),
    Case("Flink, 2 slots", "flink", 2),
    Case("Flink, 4 slots", "flink", 4),
    Case("Flink, 4 slots, cut and ordered otherwise", "flink", 4, 1_000, 7, True),
    Case("Flink, 4 slots, output on a bucket", "flink", 4, remote=True),
)


def missing(runner: str) -> str | None:
    """What a runner still needs here; None where it can run."""
    return {"prism": prism.missing, "flink": flink.missing}.get(runner, lambda: None)()


@contextmanager
def cluster_for(cases: tuple[Case, ...], folder: Path) -> Iterator[FlinkCluster | None]:
    """A Flink cluster of two task managers while it is needed."""
    if not any(case.runner == "flink" for case in cases):
        yield None
        return
    shutil.rmtree(folder, ignore_errors=True)
    with FlinkCluster(folder) as cluster:
        yield cluster


def beam_args(case: Case, cluster: FlinkCluster | None) -> tuple[str, ...]:
    """Beam's options for a case."""
    if case.runner == "flink":
        assert cluster is not None
        return cluster.beam_args(case.parallelism)
    if case.runner == "prism":
        return prism.prism_args()
    return (f"--direct_num_workers={case.parallelism}",)


def run_case(
    case: Case,
    question: type[Generator],
    shop: Shop,
    output: str | Path,
    args: tuple[str, ...],
) -> dict[str, Any]:
    """Make the dataset; what must be the same everywhere, and the seconds it took."""
    options = GenerateOptions(
        check=False,
        beam_args=args,
        shards=case.shards,
        batch_rows=case.batch_rows,
        replace=True,
    )
    inputs = shop.files[::-1] if case.backwards else shop.files
    began = time.monotonic()
    made = generate(
        question(), inputs, shop.mapping(str(question.mapping)), output, options
    )
    seconds = time.monotonic() - began
    manifest, encoder = made.manifest, made.encoder.fingerprint
    for split in manifest["splits"]:
        if manifest["splits"][split]["examples"]:
            made.read(split)  # every file is whole, and as many records as it says
    files, root = fsspec.core.url_to_fs(str(output))
    left = [path for path in files.find(root) if path.endswith(UNFINISHED)]
    files.rm(root, recursive=True)
    return {
        "digest": manifest["digest"],
        "counts": manifest["counts"],
        "splits": manifest["splits"],
        "encoder": encoder,
        "left": left,
        "seconds": seconds,
    }


def same(found: dict[str, Any], reference: dict[str, Any]) -> bool:
    """Whether two datasets are the same, leaving nothing half-written."""
    names = ("digest", "counts", "splits", "encoder")
    return not found["left"] and all(found[n] == reference[n] for n in names)
