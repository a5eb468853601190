"""The stages as scripts take the same arguments as the commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import evaluate, generate, run, train

ROOT = Path(__file__).parents[2]


def test_the_stages_run_from_scripts(made_run, tmp_path: Path, capfd) -> None:
    examples, bundle = str(tmp_path / "examples"), str(tmp_path / "bundle")
    own = ["--generator", "made_shop:MadeShop", "--input", *made_run.inputs]
    split = ["--split", "subject:0.6,0.2,0.2", "--output", examples]
    beam = ["--direct_running_mode=in_memory", "--direct_num_workers", "1"]
    assert generate.main([*own, *split, *beam]) == 0
    config = ["--config", str(made_run.config), "--output", bundle]
    assert train.main(["--examples", examples, *config]) == 0
    capfd.readouterr()
    judged = ["--bundle", bundle, "--examples", examples, "--json"]
    assert evaluate.main(judged) == 0
    found = json.loads(capfd.readouterr().out)
    assert found == made_run.result.metrics


def test_a_script_takes_the_arguments_of_its_process(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "no_such_question", "--output", "x"])
    assert run.main() == 2
    assert "Received: generator='no_such_question'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["generate", "train", "evaluate", "run"])
def test_a_script_has_help(name: str, capsys) -> None:
    module = {"generate": generate, "train": train, "evaluate": evaluate, "run": run}
    with pytest.raises(SystemExit) as done:
        module[name].main(["--help"])
    assert done.value.code == 0
    assert f"usage: zap {name}" in capsys.readouterr().out


def test_a_script_is_a_program(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "pipelines" / "train.py"), "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    assert "--examples DIR" in done.stdout
