"""Runs scripts in Node.js beside the installed clients."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from tests.collect.clients.shop_site import MODULES, installed


def run_node(script: str, *packages: str, **environment: str) -> Any:
    """What a script prints, as JSON.

    Args:
        script: an ES module; it finds the installed packages.
        packages: that it needs.
        **environment: further variables.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs server: node, version 20 or later")
    installed(*packages)
    done = subprocess.run(
        [node, "--input-type=module"],
        input=script,
        cwd=MODULES.parent,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
