"""What is served as the script: its size, its types, and how it is made small."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.collect.real_collector import SHOP, RealCollector
from zap.collect.script.serving import SCRIPT, TYPES, script_files
from zap.collect.script.small import small

FOLDER = Path(__file__).parent
SOURCE = FOLDER.parents[2] / "zap/collect/script"
MOST_BYTES = 2_000
TSC = FOLDER.parents[2] / "build/clients/node_modules/.bin/tsc"


def test_the_script_is_under_2000_bytes_as_it_is_served(
    collector: RealCollector,
) -> None:
    asked = {"accept-encoding": "gzip, br", "origin": SHOP}
    with httpx.stream("GET", collector.url + "/zap.js", headers=asked) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip" and raw[:2] == b"\x1f\x8b"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert len(raw) < MOST_BYTES, f"{len(raw)} bytes"


@pytest.mark.parametrize("path", [SCRIPT, TYPES])
def test_each_file_is_served_whole(collector: RealCollector, path: str) -> None:
    url, expected = collector.url + path, script_files()[path].content
    plain = httpx.get(url, headers={"accept-encoding": "identity"})
    packed = httpx.get(url)
    assert plain.content == packed.content == expected
    head = httpx.head(url)
    assert head.status_code == 200 and head.content == b""
    tag = packed.headers["etag"]
    assert httpx.get(url, headers={"if-none-match": tag}).status_code == 304
    assert httpx.get(url, headers={"if-none-match": '"other"'}).status_code == 200
    assert httpx.post(url).status_code == 404


def test_short_names_are_one_each_and_none_is_left() -> None:
    names = sorted(set(re.findall(r"\b_[A-Za-z]+\b", (SOURCE / "zap.js").read_text())))
    text = small(";".join(f"window.{name[1:]}={name}" for name in names))
    short = re.findall(r"=(\S+?)(?:;|$)", text)
    assert len(set(short)) == len(names) > 52, "also those of two signs are needed"
    served = script_files()[SCRIPT].content.decode()
    assert re.findall(r"\b_\w+", served) == []


def test_texts_stay_as_they_are() -> None:
    """The rules change spaces beside punctuation: no text may have any."""
    source, served = (SOURCE / "zap.js").read_text(), script_files()[SCRIPT].content
    code = "\n".join(
        line for line in source.splitlines() if not line.strip().startswith("//")
    )
    texts = re.findall(r'"[^"\n`{}]*"', code)
    assert len(texts) > 40
    assert [text for text in texts if text.encode() not in served] == []


@pytest.fixture(scope="module")
def tsc() -> str:
    if not TSC.exists() or shutil.which("node") is None:
        pytest.skip("needs server: typescript and node (.ci/clients installs them)")
    return str(TSC)


def test_the_types_are_those_of_the_script_and_refuse_wrong_calls(
    tsc: str, tmp_path: Path
) -> None:
    """Each wrong line of calls.ts is marked, and a needless mark is an error too."""
    source = (SOURCE / "zap.js").read_text()
    made = source[source.index("window.zap = {") :]
    names = re.findall(r"^    (\w+):", made[: made.index("\n  };")], re.MULTILINE)
    script = tmp_path / "names.ts"
    script.write_text(
        f"const names = {json.dumps(names)} as const;\n"
        "type In<A, B> = [A] extends [B] ? true : false;\n"
        "type Same<A, B> = In<A, B> extends true ? In<B, A> : false;\n"
        "const same: Same<typeof names[number], keyof Zap.Script> = true;\n"
    )
    options = "--strict --noEmit --pretty false --target es2022 --lib es2022,dom"
    files = [SOURCE / "zap.d.ts", FOLDER / "calls.ts", script]
    command = [tsc, *options.split(), "--skipDefaultLibCheck", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
