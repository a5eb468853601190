"""A package that is not installed is named, with the extra that brings it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from zap.cli import extras

PROJECT = Path(__file__).parents[2] / "pyproject.toml"
WITHOUT = """
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == sys.argv[1]:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Nowhere())
from zap.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("pyarrow", "pyarrow"),
        ("fsspec", "fsspec"),
        ("tfx_bsl", "tfx-bsl"),
        ("tensorflow_metadata", "tensorflow-metadata"),
        ("google_crc32c", "google-crc32c"),
    ],
)
def test_train_says_what_reading_a_dataset_needs(
    module: str, package: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", WITHOUT, module, "train"]
    asked = ["--examples", str(tmp_path), "--output", str(tmp_path / "bundle")]
    done = subprocess.run(
        [*command, *asked], capture_output=True, text=True, check=False
    )
    assert done.stdout == "" and done.returncode == 2
    assert done.stderr == (
        f"zap train: This needs {package!r}, which is not installed. "
        "Install it with: pip install 'zap-predictions[beam]'\n"
    )


def test_each_package_of_an_extra_is_known_by_its_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the project file, since what is installed may be of an older one."""
    brought = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    told = [
        f'{each}; extra == "{extra}"' for extra in brought for each in brought[extra]
    ]
    monkeypatch.setattr(extras, "requires", lambda _: ["numpy>=1.26", *told])
    for extra in extras.EXTRAS:
        for required in brought[extra]:
            name = re.split(r"[^\w.-]", required)[0]
            problem = ModuleNotFoundError(name=f"{name.replace('-', '_')}.inner")
            found = extras.missing_extra(problem)
            assert found is not None and repr(name) in str(found)


def test_other_modules_are_somebody_elses() -> None:
    assert extras.missing_extra(ModuleNotFoundError(name="no_such_module")) is None
    assert extras.missing_extra(ModuleNotFoundError(name="numpy")) is None
    assert extras.missing_extra(ModuleNotFoundError()) is None
