"""Imports the DAG and runs it once, in an environment that has Airflow.

python run_dag.py FOLDER_OF_DAGS LOGICAL_DATE; prints a JSON object.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from airflow.models.dagbag import DagBag


def main(folder: str, date: str) -> None:
    """Print the tasks of the DAG and the state in which each ended."""
    bag = DagBag(folder, include_examples=False)
    assert not bag.import_errors, bag.import_errors
    dag = bag.get_dag("zap_retrain")
    run = dag.test(logical_date=datetime.fromisoformat(date).replace(tzinfo=UTC))
    states = {one.task_id: str(one.state) for one in run.get_task_instances()}
    print(json.dumps({"state": str(run.state), "tasks": states}))


if __name__ == "__main__":
    main(*sys.argv[1:])
