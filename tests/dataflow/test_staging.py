"""What workers install is what is here, whole, and without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from functools import cache
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from zap.dataflow import slim, user_code
from zap.dataflow.installed import LEFT_OUT, canonical, closure, pinned
from zap.dataflow.staging import own_wheel, stage, worker_versions
from zap.dataflow.wheels import write_wheel
from zap.errors import GeneratorError

ROOT = Path(__file__).resolve().parents[2]


@cache
def found_versions() -> dict[str, str]:
    return worker_versions()


def versions() -> dict[str, str]:
    pytest.importorskip("gcsfs")
    return found_versions()


def test_versions_are_those_that_are_installed_here() -> None:
    found = versions()
    assert found == {name: distribution(name).version for name in found}
    assert {"pyarrow", "numpy", "mmh3", "gcsfs", "tensorflow-metadata"} <= set(found)


def test_nothing_that_is_required_is_left_out_but_what_is_meant_to_be() -> None:
    found = versions()
    lacking = {
        canonical(wanted.name)
        for name in found
        for wanted in map(Requirement, requires(name) or ())
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""})
    } - set(found)
    assert lacking <= LEFT_OUT


def test_no_worker_gets_tensorflow_or_beam_a_second_time() -> None:
    assert not {"tensorflow", "keras", "apache-beam", "rich"} & set(versions())


def test_versions_are_those_that_the_project_is_tested_with() -> None:
    limits = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text().split()
        if "==" in line
    )
    wanted = {canonical(name): version for name, version in limits.items()}
    found = versions()
    assert {n: v for n, v in found.items() if n in wanted and v != wanted[n]} == {}


def test_an_extra_of_a_requirement_brings_its_own() -> None:
    found = closure([Requirement("redis[hiredis]")])
    assert set(found) >= {"redis", "hiredis"}
    assert "hiredis" not in closure([Requirement("redis")])


def test_pins_are_lines_in_order() -> None:
    assert pinned({"b": "2", "a": "1.0"}) == "a==1.0\nb==2\n"


@pytest.mark.skipif(not slim.runs_on_workers(), reason="its files run on Linux only")
def test_the_slim_coders_require_what_they_import_and_no_more(tmp_path: Path) -> None:
    wheel = slim.slim_wheel(distribution("tfx-bsl"))
    names = {Requirement(each).name for each in wheel.requires}
    assert names == slim.NEEDED
    with zipfile.ZipFile(write_wheel(wheel, tmp_path)) as archive:
        told = set(archive.namelist())
    assert {"tfx_bsl/coders/example_coder.py", "tfx_bsl/LICENSE"} <= told


def test_zaps_own_wheel_is_zap(tmp_path: Path) -> None:
    files = own_wheel().files
    there = {
        str(path.relative_to(ROOT))
        for room in ("zap", "generators")
        for path in (ROOT / room).rglob("*.py")
    }
    assert there - set(files) == set()
    assert not any(name.startswith("generators/data") for name in files)


SHOP = {
    "my_shop.py": "import json, yaml\nfrom my_helpers.names import NAME\n"
    "def late():\n    import my_other\n",
    "my_helpers/__init__.py": "",
    "my_helpers/names.py": "NAME = 'shop'\n",
    "my_helpers/names.toml": "a = 1\n",
    "my_helpers/key.json": '{"private_key": "secret"}',
    "my_other.py": "import my_shop\n",
    "unrelated.py": "raise SystemExit\n",
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in SHOP.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_module_goes_along_with_all_that_it_imports(shop: Path) -> None:
    code = user_code.user_code(["my_shop"])
    # Whatever else lies beside code does not go to a bucket.
    assert set(code.files) == set(SHOP) - {"unrelated.py", "my_helpers/key.json"}
    assert code.requires == {"pyyaml"}


def test_the_wheel_alone_is_enough_to_import_the_module(shop: Path) -> None:
    path = write_wheel(user_code.user_code(["my_shop"]).wheel(), shop)
    code = f"import sys; sys.path.insert(0, {str(path)!r}); import my_shop, my_other; "
    code += "print(my_shop.NAME, my_shop.__file__.startswith(sys.path[0]))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    )
    assert done.stdout.split() == ["shop", "True"]


def test_a_package_that_is_installed_goes_along_too_and_its_requirements() -> None:
    code = user_code.user_code(["starlette.routing"])
    assert "starlette/routing.py" in code.files
    assert "anyio" in code.requires


def test_generators_that_zap_ships_are_in_its_own_wheel() -> None:
    assert user_code.user_code(["generators.cdnow_repurchase"]).files == {}


def test_generators_of_another_folder_of_that_name_go_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "generators").mkdir()
    (tmp_path / "generators" / "__init__.py").write_text("")
    (tmp_path / "generators" / "mine.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "generators", raising=False)
    code = user_code.user_code(["generators.mine"])
    assert set(code.files) == {"generators/__init__.py", "generators/mine.py"}


@pytest.mark.parametrize("module", ["__main__", "no_such_module", "sys"])
def test_a_module_that_cannot_be_sent_is_named(module: str) -> None:
    if module == "sys":
        assert user_code.user_code([module]).files == {}
        return
    with pytest.raises(GeneratorError, match=f"Received: module='?{module}"):
        user_code.user_code([module])


def test_data_in_the_package_are_not_sent(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_code, "MOST_BYTES", 10)
    with pytest.raises(GeneratorError, match="at most 0 MB of a generator's own files"):
        user_code.user_code(["my_shop"])


@pytest.mark.parametrize("image", [False, True])
def test_an_image_of_ones_own_gets_zap_and_the_users_modules_alone(
    shop: Path, tmp_path: Path, image: bool
) -> None:
    versions()
    own = tmp_path / "staged"
    own.mkdir()
    staged = stage(["my_shop"], own, image=image, fetched=False)
    names = [path.name.partition("-")[0] for path in staged.wheels]
    if image:
        assert (staged.requirements, names) == (
            None,
            ["zap_predictions", "zap_user_code"],
        )
    else:
        assert names == ["tfx_bsl", "zap_predictions", "zap_user_code"]
        assert staged.requirements is not None
        assert "pyyaml==" in staged.requirements.read_text()
