"""One line in a user's own test."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from made_rows import made_rows, write_files
from made_shop import MadeShop, Weekly

from bench.guards import preparations as site
from bench.guards.events import DEFINITION, MAPPING, as_table, visit_rows
from bench.guards.questions import AtTheOutcome, Buys, SeesDwell
from zap.checks import assert_honest
from zap.checks.before import prove_before
from zap.errors import CheckError, MappingError, ZapError
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources

TABLE = as_table(visit_rows(60))
SITES = Path(__file__).parents[1] / "sites"


def test_a_table_and_a_mapping() -> None:
    assert assert_honest(Buys(), TABLE, MAPPING, rounds=1).passed


def test_a_table_may_lie_in_pieces_and_its_range_be_estimated() -> None:
    mapping = EventMapping.from_dict(
        {name: part for name, part in DEFINITION.items() if name != "observed"}
    )

    pieces = [TABLE.slice(0, 100), TABLE.slice(100)]
    report = assert_honest(Buys(), pa.concat_tables(pieces), mapping, rounds=1)
    assert report.passed


@pytest.mark.parametrize("generator", ["made_shop:MadeShop", "made_shop:Weekly"])
def test_names_of_files_and_of_a_generator_with_its_own_mapping(
    tmp_path: Path, generator: str
) -> None:
    write_files(tmp_path, made_rows(60))
    report = assert_honest(generator, f"{tmp_path}/*.jsonl", rounds=1)
    assert report.counts["examples"] > 0
    mapping = SITES / "made_shop.toml"
    again = assert_honest(generator, [str(tmp_path)], mapping, rounds=1)
    assert again.digest == report.digest


def test_a_leak_raises_with_each_failed_check_and_a_case() -> None:
    with pytest.raises(CheckError) as caught:
        assert_honest(SeesDwell(), TABLE, MAPPING, prepare=site.dwell_forward)
    message = str(caught.value)
    assert message.startswith("Expected examples of sees_dwell that know nothing")
    assert "Received: verdict=failed. [mutation] subject 'v" in message
    assert "'dwell' of the" in message and "time to the next event" in message
    assert isinstance(caught.value, ZapError)


def test_an_anticipating_rule_raises() -> None:
    with pytest.raises(CheckError, match="BeforeOutcome anticipates"):
        assert_honest(AtTheOutcome(), TABLE, MAPPING, rounds=1)


def test_events_that_prove_nothing_raise() -> None:
    table = as_table([row for row in visit_rows(9) if row["type"] == "login"])
    with pytest.raises(CheckError, match="Received: cutoffs=0"):
        assert_honest(Buys(), table, MAPPING)


def test_a_generator_without_a_mapping_needs_one() -> None:
    with pytest.raises(MappingError, match="Received: mapping=None"):
        assert_honest(Buys(), TABLE)


def test_the_proof_before_a_job(tmp_path: Path) -> None:
    mapping = EventMapping.load(SITES / "made_shop.toml")
    sources = list_sources(write_files(tmp_path, made_rows(60)), mapping)
    for question in (MadeShop(), Weekly()):
        found = prove_before(question, sources, mapping)
        assert found["verdict"] == "passed" and found["cutoffs"] > 20
        assert found == prove_before(question, sources, mapping)
