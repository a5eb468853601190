"""A job proves its generator before it writes anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_leaks import AtTheOutcome, Peeks
from made_rows import made_rows, write_files
from made_shop import MadeShop

from zap.beam.generate import GenerateOptions, generate
from zap.checks.before import prove_before
from zap.errors import CheckError
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources

MAPPING = EventMapping.load(Path(__file__).parents[1] / "sites" / "made_shop.toml")
ROWS = made_rows(60)


def made(folder: Path, generator, **options):
    return generate(
        generator,
        write_files(folder / "raw", ROWS),
        MAPPING,
        folder / "out" / "examples",
        GenerateOptions(**options),
    )


def test_the_manifest_holds_the_verdict_and_the_certificate(tmp_path: Path) -> None:
    dataset = made(tmp_path, MadeShop())
    paths = [str(path) for path in (tmp_path / "raw").iterdir()]
    proof = prove_before(MadeShop(), list_sources(paths, MAPPING), MAPPING)
    assert dataset.manifest["check"] == proof
    assert proof["verdict"] == "passed" and len(proof["digest"]) == 64
    assert proof["cutoffs"] > 100


def test_a_leak_stops_the_job_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"is_cutoff.* knows more than the past"):
        made(tmp_path, Peeks())
    assert not (tmp_path / "out").exists()


def test_a_rule_that_says_it_anticipates_is_published_and_marked(tmp_path) -> None:
    manifest = made(tmp_path, AtTheOutcome()).manifest
    assert manifest["generator"]["anticipating"] is True
    assert manifest["check"]["verdict"] == "anticipates"


@pytest.mark.slow
def test_without_a_check_the_manifest_says_so(tmp_path: Path) -> None:
    manifest = made(tmp_path, Peeks(), check=False).manifest
    assert manifest["check"] == {"verdict": "not checked"}
    checked = made(tmp_path / "again", MadeShop()).manifest
    unchecked = made(tmp_path / "once more", MadeShop(), check=False).manifest
    assert checked["digest"] == unchecked["digest"]
