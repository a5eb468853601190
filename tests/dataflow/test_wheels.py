"""Wheels are what installers take, and the same files give the same bytes."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

from packaging.utils import parse_wheel_filename

from zap.dataflow.wheels import Wheel, content_digest, files_below, write_wheel


def package(folder: Path) -> Path:
    made = folder / "shop"
    (made / "deep" / "__pycache__").mkdir(parents=True)
    (made / "__init__.py").write_text("")
    (made / "deep" / "questions.py").write_text("ANSWER = 42\n")
    (made / "deep" / "__pycache__" / "questions.pyc").write_bytes(b"old")
    (made / ".secret").write_text("of the folder")
    (made / "events.csv").write_text("a,b\n")
    return made


def wheel(folder: Path) -> Wheel:
    files = files_below(package(folder), (".py",))
    return Wheel("my-shop.code", "0+abc", files, ("numpy>=1",), summary="One line")


def test_files_below_leave_out_caches_and_what_is_hidden(tmp_path: Path) -> None:
    folder = package(tmp_path)
    code = ["shop/__init__.py", "shop/deep/questions.py"]
    assert list(files_below(folder, (".py",))) == code
    assert sorted(files_below(folder)) == [*code, "shop/events.csv"]


def test_a_wheel_is_named_and_described_as_installers_read_it(tmp_path: Path) -> None:
    path = write_wheel(wheel(tmp_path), tmp_path)
    name, version, _, tags = parse_wheel_filename(path.name)
    assert (name, str(version), [str(tag) for tag in tags]) == (
        "my-shop-code",
        "0+abc",
        ["py3-none-any"],
    )
    info = zipfile.Path(path) / "my_shop_code-0+abc.dist-info/"
    found = PathDistribution(info)  # type: ignore[arg-type]
    assert found.metadata["Name"] == "my-shop.code"
    assert found.requires == ["numpy>=1"]


def test_the_record_tells_each_file_as_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(write_wheel(wheel(tmp_path), tmp_path)) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    (record,) = (name for name in contents if name.endswith("RECORD"))
    lines = csv.reader(io.StringIO(contents[record].decode()))
    told = {name: rest for name, *rest in lines}
    assert told.pop(record) == ["", ""]
    del contents[record]
    for name, data in contents.items():
        kind, _, digest = told.pop(name)[0].partition("=")
        raw = base64.urlsafe_b64decode(digest + "=")
        assert (kind, raw) == ("sha256", hashlib.sha256(data).digest())
    assert told == {}


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
    first = write_wheel(wheel(one), one)
    second = wheel(other)
    for path in second.files.values():
        os.utime(path, (1e9, 1e9))
    assert write_wheel(second, other).read_bytes() == first.read_bytes()


def test_a_digest_tells_other_content_and_other_names(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text("1")
    before = content_digest({"a.py": path})
    assert content_digest({"b.py": path}) != before
    path.write_text("2")
    assert content_digest({"a.py": path}) != before
