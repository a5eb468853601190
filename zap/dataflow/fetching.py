"""The wheels of pinned requirements, fetched once here and not by each worker.

Workers then need no way to the internet, and all get the same files. Beam would fetch
them too, by one call of pip for each; this is one call for all.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from zap.errors import InputError

PATIENCE_S = 1800
GLIBC = range(35, 16, -1)
"""Minor versions of the C library that wheels for workers may be built for: the image's
is 2.36, and packages offer one wheel or another of these."""


def fetch(requirements: Path, folder: Path) -> list[Path]:
    """Fetch the wheels of a requirements file for Linux on x86-64.

    Args:
        requirements: all that is wanted, with what it requires.
        folder: where the wheels are to be.

    Returns:
        The wheels, in order of their names.

    Raises:
        InputError: one cannot be had.
    """
    done = subprocess.run(
        command(requirements, folder),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise InputError(
            "Expected wheels of all that workers need. Received: "
            f"{'; '.join(said) or done.stderr[-500:]} Mend the network or the index "
            "that pip uses; or pass --requirements_cache=skip to have each worker "
            "fetch them, or --sdk_container_image with an image that has them."
        )
    return sorted(folder.glob("*.whl"))


def command(requirements: Path, folder: Path) -> list[str]:
    """What is run for that."""
    python = f"{sys.version_info[0]}{sys.version_info[1]}"
    platforms = [f"manylinux_2_{minor}_x86_64" for minor in GLIBC]
    return [
        *(sys.executable, "-m", "pip", "download", "--quiet"),
        *("--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"),
        *("--implementation", "cp", "--python-version", python, "--abi", f"cp{python}"),
        *(arg for each in platforms for arg in ("--platform", each)),
        *("--platform", "manylinux2014_x86_64", "--platform", "manylinux1_x86_64"),
        *("--requirement", str(requirements), "--dest", str(folder)),
    ]
