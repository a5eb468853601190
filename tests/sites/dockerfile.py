"""The steps of a Dockerfile, taken without Docker, so that the recipe itself is tested.

``FROM`` names an image, for which a virtual environment of this machine's Python stands
in; every other step is taken as it is written, in a folder that stands for the image's
root. A step that is not known here is an error and not passed over.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_NOT_TAKEN = {"FROM", "USER", "EXPOSE", "LABEL"}


@dataclass
class Image:
    """What the steps made.

    Attributes:
        root: the folder that stands for the image's root.
        python: the environment that stands for the image's Python.
        env: of its processes; nothing of this process's but what pip needs.
        entrypoint: the words of ENTRYPOINT.
        workdir: in the image.
    """

    root: Path
    python: Path
    env: dict[str, str]
    entrypoint: list[str] = field(default_factory=list)
    workdir: str = "/"

    @property
    def cwd(self) -> Path:
        """The working folder on this machine."""
        return self.root / self.workdir.lstrip("/")


def steps_of(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile and their texts, each in one line."""
    lines = [
        line
        for line in dockerfile.read_text().splitlines()
        if not line.lstrip().startswith("#")
    ]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    split = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [(name.upper(), text.strip()) for name, text in split]


def build(
    dockerfile: Path, context: Path, image: Image, arguments: Mapping[str, str]
) -> None:
    """Take the steps.

    Args:
        dockerfile: the recipe.
        context: the folder that COPY takes from.
        image: to be made.
        arguments: in place of the defaults of ARG.
    """
    known: dict[str, str] = {}
    for name, text in steps_of(dockerfile):
        filled = _VARIABLE.sub(lambda found: (known | image.env)[found[1]], text)
        if name == "ARG":
            key, _, default = text.partition("=")
            known[key] = arguments.get(key, default)
        elif name == "ENV":
            key, _, value = filled.partition("=")
            image.env[key] = value
        elif name == "WORKDIR":
            image.workdir = filled
            image.cwd.mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            _copy(shlex.split(filled), context, image.cwd)
        elif name == "RUN":
            _run(text, image, known)
        elif name == "ENTRYPOINT":
            image.entrypoint = json.loads(filled)
        elif name not in _NOT_TAKEN:
            raise AssertionError(f"a step that is not known here: {name} {text}")


def _copy(paths: list[str], context: Path, cwd: Path) -> None:
    *sources, target = paths
    for source in sources:
        there = context / source
        if there.is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(there, cwd / target, ignore=ignored, dirs_exist_ok=True)
        else:
            to = cwd / target / there.name if target.endswith("/") else cwd / target
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(there, to)


def _run(command: str, image: Image, known: Mapping[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=image.cwd,
        env={**image.env, **known},
        capture_output=True,
        text=True,
        timeout=3_000,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


def clean_environment(python: Path, home: Path) -> dict[str, str]:
    """What processes get of this machine: a path, and how pip finds its index.

    Args:
        python: the folder of the environment that stands for the image's Python.
        home: an empty folder.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_", "REQUESTS_"))
    }
    return {**kept, "PATH": f"{python}/bin:/usr/bin:/bin", "HOME": str(home)}
