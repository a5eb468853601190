"""What schedules a retraining elsewhere: it parses, and calls what there is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from zap.cli.main import build_parser

ROOT = Path(__file__).resolve().parents[2]


def test_the_cron_job_calls_the_command_as_it_is() -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((ROOT / "examples/kubernetes/retrain.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    assert len(job["spec"]["schedule"].split()) == 5
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    spec = job["spec"]["jobTemplate"]["spec"]
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # a failure policy needs that
    (container,) = pod["containers"]
    rule = spec["podFailurePolicy"]["rules"][0]["onExitCodes"]
    assert (rule["containerName"], rule["values"]) == (container["name"], [1])
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    zap, *arguments = container["command"] + container["args"]
    args = build_parser().parse_args(arguments)
    assert zap == "zap" and args.chosen.name == "retrain"


def test_the_dag_is_python_and_needs_airflow_alone() -> None:
    tree = ast.parse((ROOT / "examples/airflow/zap_retrain.py").read_text())
    modules = {
        node.module.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert "airflow" in modules and "zap" not in modules
