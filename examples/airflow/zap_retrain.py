"""A weekly retraining as an Apache Airflow DAG (Airflow 3).

Airflow and Zap want other versions of the same packages, so Zap is called as a command
from an environment of its own. All that makes a run safe to repeat is in the command:
the same week is the same run, a stopped one goes on at its stage, and a lock keeps two
apart. So Airflow's retries need no care.

Set in the environment of the workers: ZAP_COMMAND (default "zap"), ZAP_REGISTRY,
ZAP_APPLICATION, and ZAP_OPTIONS for the first run, such as "--generator shop_purchase
--input /data/day=%Y-%m-%d --mapping shop.toml".
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from datetime import datetime, timedelta
from typing import Any

from airflow.exceptions import AirflowException, AirflowFailException
from airflow.sdk import dag, task


@task(retries=2, retry_delay=timedelta(minutes=10))
def retrain(until: str) -> dict[str, Any]:
    """Run ``zap retrain``; a refusal fails at once, anything else is tried again."""
    application = os.environ.get("ZAP_APPLICATION", "shop")
    command = shlex.split(os.environ.get("ZAP_COMMAND", "zap"))
    command += ["retrain", application, "--until", until, "--by", "airflow", "--json"]
    command += shlex.split(os.environ.get("ZAP_OPTIONS", ""))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    said: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    if done.returncode == 1:
        raise AirflowFailException(f"refused at {said['stage']}: {said['said']}")
    if done.returncode != 0:
        raise AirflowException(said.get("message", f"exit code {done.returncode}"))
    return {name: said[name] for name in ("run", "verdict", "said", "live", "report")}


@task
def announce(result: dict[str, Any]) -> None:
    """Say what happened; put a message to your team in place of this."""
    print(f"{result['run']}: {result['said']}. Report: {result['report']}")


@dag(
    dag_id="zap_retrain",
    schedule="0 4 * * 1",  # Mondays at four: the week until Monday is complete
    start_date=datetime(2024, 1, 1),
    catchup=False,
    max_active_runs=1,
    tags=["zap"],
)
def zap_retrain() -> None:
    """Retrain until the day on which the run is due."""
    announce(retrain("{{ ds }}"))


zap_retrain()
