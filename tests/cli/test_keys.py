"""``zap keys``, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zap.cli.main import main
from zap.serving.api.key_file import read_keys
from zap.serving.api.visitors import server_secret, signing_secret

SHOP = "https://shop.example"


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(["keys", *argv])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_key_is_made_listed_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "keys.json")
    page = ["--kind", "publishable", "--origin", SHOP, "--application", "cart"]
    _, out, _ = run(capsys, "new", "--file", file, *page, "--json")
    made = json.loads(out)
    found = read_keys(Path(file)).find(made["key"].encode())
    assert found is not None and found.id == made["id"]
    assert (found.origins, found.applications) == ((SHOP,), ("cart",))
    secret = server_secret(Path(file))
    assert made["signing_secret"] == signing_secret(secret, made["id"])

    code, out, _ = run(capsys, "new", "--file", file, "--note", "shop's server")
    shown = out.split()
    text = next(word for word in shown if word.startswith("zap_sk_"))
    assert code == 0 and read_keys(Path(file)).find(text.encode()) is not None

    _, out, _ = run(capsys, "list", "--file", file)
    assert "shop's server" in out and SHOP in out and text not in out
    _, out, _ = run(capsys, "list", "--file", file, "--json")
    assert json.loads(out)[0]["id"] == made["id"]
    assert found.digest not in out

    code, _, _ = run(capsys, "revoke", "--file", file, made["id"])
    assert code == 0
    assert read_keys(Path(file)).find(made["key"].encode()) is None


@pytest.mark.parametrize(
    "argv",
    [
        ["new", "--kind", "publishable"],
        ["new", "--kind", "publishable", "--origin", f"{SHOP}/"],
        ["new", "--origin", SHOP],
        ["revoke", "sk-0"],
        ["list"],
    ],
)
def test_a_mistake_is_told_with_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    code, _, err = run(capsys, *argv, "--file", str(tmp_path / "keys.json"))
    assert code == 2 and "Received: " in err and "Traceback" not in err
