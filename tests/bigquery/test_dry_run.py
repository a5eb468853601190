"""``zap generate --dry-run``: what would be read, with nothing read, run or written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import made_exports as made
import pyarrow as pa
import pytest
from bigquery_gaps import Gaps
from bigquery_server import PROJECT, BigQueryServer
from bigquery_tables import make_table

from zap.cli.main import main

TOML = """
[fields]
anonymous_id = "anonymous_id"
timestamp = "timestamp"
type = "type"
url = "url"
referrer = "referrer"

[properties.sku]
column = "sku"
[properties.total]
column = "total"
type = "float"
[properties.unused]
column = "user_agent"

[observed]
from = "2024-03-01"
until = "2024-04-01"
"""


@pytest.fixture
def mapping(tmp_path: Path) -> str:
    path = tmp_path / "mapping.toml"
    path.write_text(TOML)
    return str(path)


def planned(capsys: Any, mapping: str, folder: Path, *more: str) -> dict[str, Any]:
    """What the command prints as JSON; it must have left nothing."""
    command = ["generate", "--generator", "made_exports:Exported", "--mapping", mapping]
    output = folder / "out"
    done = main([*command, "--output", str(output), "--dry-run", "--json", *more])
    assert done == 0 and not output.exists()
    return dict(json.loads(capsys.readouterr().out))


def test_a_table(
    tmp_path: Path, gaps: Gaps, bigquery: BigQueryServer, mapping: str, capsys: Any
) -> None:
    rows = pa.Table.from_pylist(made.made_events())
    table = make_table(bigquery, bigquery.new_dataset() + ".events", rows)
    prices = ("--read-price", "1024", "--query-price", "9")
    found = planned(capsys, mapping, tmp_path, "--input", table, *prices)
    (one,) = found["inputs"]
    wanted = ["anonymous_id", "referrer", "sku", "timestamp", "total", "type", "url"]
    assert sorted(one["columns"]) == wanted
    assert one["kind"] == "tables" and one["number"] == 1
    # Of columns that are not read, nothing counts.
    assert one["read_bytes"] == pytest.approx(rows.select(wanted).nbytes, rel=0.2)
    assert found["dollars"] == pytest.approx(one["read_bytes"] / 2**30)
    assert found["shards"] >= 2 and one["events"] == rows.num_rows
    assert not gaps.reads


def test_files_and_a_query(
    tmp_path: Path,
    bigquery: BigQueryServer,
    mapping: str,
    capsys: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", PROJECT)
    name = bigquery.new_dataset() + ".events"
    make_table(bigquery, name, pa.Table.from_pylist(made.made_events()))
    query, files = tmp_path / "events.sql", tmp_path / "files"
    query.write_text(f"SELECT * FROM `{name}` WHERE timestamp < @until")
    files.mkdir()
    sizes = [
        made.write_plain(files / f"{n}.jsonl", made.made_events(seed=n)).stat().st_size
        for n in (3, 5)
    ]
    bigquery.requests()
    inputs = ("--input", str(query), str(files))
    found = planned(capsys, mapping, tmp_path, *inputs, "--shards", "7")
    by_kind = {one["kind"]: one for one in found["inputs"]}
    assert by_kind["files"]["number"] == 2
    assert by_kind["files"]["read_bytes"] == sum(sizes)
    events = sum(len(made.made_events(seed=n)) for n in (3, 5))
    assert by_kind["files"]["events"] == events
    assert "sku" in by_kind["query"]["columns"]
    assert found["shards"] == 7 and "dollars" not in found
    begun = [r["body"] for r in bigquery.requests() if r["method"] == "POST"]
    assert begun and all(b["configuration"]["dryRun"] for b in begun)


def test_a_cluster_has_shards_for_all_of_its_slots(
    tmp_path: Path, mapping: str, capsys: Any
) -> None:
    made.write_plain(tmp_path / "events.jsonl", made.made_events())
    job = ("--runner=FlinkRunner", "--job_endpoint=nowhere:1", "--parallelism=16")
    found = planned(capsys, mapping, tmp_path, "--input", str(tmp_path), *job)
    assert found["shards"] == 2 * 16


def test_what_people_see(
    tmp_path: Path, gaps: Gaps, bigquery: BigQueryServer, capsys: Any
) -> None:
    dataset = bigquery.new_dataset()
    rows = [made.ga4_row(each) for each in made.made_events()[:20]]
    for day in (1, 2, 3):
        table = pa.Table.from_pylist(rows, made.GA4_SCHEMA)
        make_table(bigquery, f"{dataset}.events_2024030{day}", table)
    path = tmp_path / "ga4.toml"
    path.write_text(
        'format = "ga4"\n[properties]\nsku = "items.item_id"\n'
        '[properties.total]\ncolumn = "ecommerce.purchase_revenue"\ntype = "float"\n'
        '[observed]\nfrom = "2024-03-02"\nuntil = "2024-04-01"\n'
    )
    command = ["generate", "--generator", "made_exports:Exported", "--mapping"]
    command += [str(path), "--output", str(tmp_path / "out"), "--dry-run"]
    command += ["--input", f"bigquery://{dataset}.events_*", "--read-price", "1.1"]
    assert main(command) == 0
    said = capsys.readouterr().out
    for words in ("2 tables", "events_20240302", "ecommerce.purchase_revenue", "$0.00"):
        assert words in said
    assert "events_20240301" not in said and "Nothing was read" in said


def test_a_user_mistake_is_told(
    tmp_path: Path, bigquery: BigQueryServer, mapping: str, capsys: Any
) -> None:
    table = f"bigquery://{bigquery.new_dataset()}.nowhere"
    command = ["generate", "--generator", "made_exports:Exported", "--mapping", mapping]
    command += ["--output", str(tmp_path / "out"), "--dry-run", "--input", table]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "nowhere" in said and "Traceback" not in said
