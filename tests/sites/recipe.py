"""A container's recipe done without containers: its steps in a virtual environment."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

INNER = "/template"


class Recipe:
    """An image made of a folder with a Dockerfile.

    Args:
        folder: what the image is built from.
        image: the environment to be made.
        given: values of the recipe's arguments.
    """

    def __init__(self, folder: Path, image: Path, given: dict[str, str]):
        self._folder = folder
        self.image = image
        lines = (folder / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
        steps = [line.partition(" ")[::2] for line in lines if line[:1].isupper()]
        last = max(at for at, (word, _) in enumerate(steps) if word == "FROM")
        self._steps = steps[last + 1 :]
        self._given = given
        self.variables: dict[str, str] = {}

    def build(self) -> None:
        """Do the steps; one that fails raises with what it said."""
        subprocess.run([sys.executable, "-m", "venv", self.image], check=True)
        for word, said in self._steps:
            if word == "ENV":
                name, _, value = said.partition("=")
                self.variables[name] = self._filled(value)
            elif word == "RUN":
                self._run(said)
            elif word == "COPY" and not said.startswith("--from"):
                missing = [
                    s for s in said.split()[:-1] if not (self._folder / s).exists()
                ]
                assert not missing, missing

    def place(self, path: str) -> Path:
        """Where a path of the image is here."""
        return self._folder / Path(path).relative_to(INNER)

    def _filled(self, value: str) -> str:
        return re.sub(r"\$\{(\w+)\}", lambda found: self._given[found[1]], value)

    def _run(self, line: str) -> None:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self._folder,
            env={"PATH": f"{self.image / 'bin'}:/usr/bin:/bin", **self.variables},
            capture_output=True,
            text=True,
            timeout=1800,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
