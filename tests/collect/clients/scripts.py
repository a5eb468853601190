"""Scripts for Node.js that run on while a test does other things."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.collect.clients.shop_site import MODULES, installed

HERE = Path(__file__).parent


def start_script(script: str, *packages: str, **settings: Any) -> subprocess.Popen[str]:
    """A script beside this file, which gets settings as JSON and prints JSON.

    Args:
        script: its name.
        packages: that it needs.
        **settings: its own.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs server: node, version 20 or later")
    installed(*packages)
    return subprocess.Popen(
        [node, str(HERE / script), json.dumps(settings)],
        env={**os.environ, "NODE_PATH": str(MODULES)},
        stdout=subprocess.PIPE,
        text=True,
    )


def result_of(process: subprocess.Popen[str], timeout_s: float = 60) -> Any:
    """What a script has printed, once it has ended well."""
    printed, _ = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, printed
    return json.loads(printed)
