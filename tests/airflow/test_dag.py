"""The Airflow DAG, imported and run by Airflow, on a feed and on a broken one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SITES = ROOT / "tests" / "sites"


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """The Python that has Airflow, and an environment with a home of its own."""
    python = os.environ.get("ZAP_AIRFLOW_PYTHON")
    if not python:
        pytest.skip("run by make prove-airflow, which makes an environment for it")
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "examples" / "airflow"),
        "PYTHONPATH": f"{SITES}:{ROOT}",
    }
    migrate = [python, "-m", "airflow", "db", "migrate"]
    subprocess.run(migrate, env=environment, check=True, capture_output=True)
    return python, environment


def test_the_dag_retrains_and_tells_a_refusal(
    airflow: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    from made_retraining import ROWS, Shop
    from made_weeks import without_purchases

    python, environment = airflow
    shop = Shop(tmp_path)
    shop.feed(ROWS)
    shop.home.mkdir(parents=True)
    (shop.home / "application.json").write_text(json.dumps(shop.options()))
    environment = environment | {
        "ZAP_COMMAND": f"{sys.executable} -m zap.cli.main",
        "ZAP_REGISTRY": shop.root,
    }
    found = run_dag(python, environment, "2024-03-15")
    assert found["state"] == "success", found
    assert found["tasks"] == {"retrain": "success", "announce": "success"}
    live = shop.registry.live()
    assert live is not None and shop.registry.history()[-1].who == "airflow"
    shop.spoil(1, without_purchases)
    found = run_dag(python, environment, "2024-03-22")
    assert found["state"] == "failed"
    assert found["tasks"] == {"retrain": "failed", "announce": "upstream_failed"}
    assert shop.registry.live() == live


def run_dag(python: str, environment: dict[str, str], date: str) -> dict:
    command = [python, str(HERE / "run_dag.py"), str(ROOT / "examples/airflow"), date]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])
