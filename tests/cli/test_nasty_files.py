"""Nasty files on the command line: an exit code and words, never a traceback."""

from pathlib import Path

import pytest

from zap.cli.main import main

MAPPING = """
[fields]
timestamp = "ts"
type = "e"
anonymous_id = "who"
[observed]
from = 2024-01-01
until = 2024-02-01
"""
QUESTION = """
from zap.examples import ANY, Generator, Hash, Instance, each, event, future

class AnyMore(Generator):
    "Whether anything follows."
    cutoffs = each(event(ANY))
    label = future(hours=1).any(event(ANY))
    instance = Instance(types=ANY, fields=[Hash("type")], hash_buckets=8)
"""


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", b"ts,e,who\n\x00\xff,\xe9,x,y\n" * 20),
        ("b.jsonl", b'{"ts":' + b"[" * 100_000 + b"\n"),
        ("c.parquet", b"PAR1" + bytes(200) + b"PAR1"),
        ("d.csv.gz", b"\x1f\x8b\x08" + bytes(50)),
        ("e.csv", b"ts,e," + b"who" * 100_000),
        ("f.csv", b"\xff\xfet\x00s\x00"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_nasty_file_ends_in_words(
    tmp_path: Path,
    name: str,
    data: bytes,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, mapping = tmp_path / name, tmp_path / "m.toml"
    path.write_bytes(data)
    mapping.write_text(MAPPING)
    (tmp_path / "nasty_question.py").write_text(QUESTION)
    monkeypatch.syspath_prepend(tmp_path)
    what = ["generate", "--generator", "nasty_question:AnyMore", "--input", str(path)]
    code = main([*what, "--mapping", str(mapping), "--output", str(tmp_path / "out")])
    shown = capsys.readouterr()
    assert code == 2
    assert "Traceback" not in shown.out + shown.err
    assert path.name in shown.err
    assert len(shown.err) < 5_000
    assert not (tmp_path / "out").exists()
