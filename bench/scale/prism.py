"""Beam's Prism runner, as ``servers/install`` builds it."""

from __future__ import annotations

from bench.scale.processes import SERVERS

PRISM = SERVERS / "prism"


def missing() -> str | None:
    """What to do where it is not installed; None where it is."""
    if PRISM.exists():
        return None
    return "needs Prism; bench/scale/servers/install prism builds it"


def prism_args() -> tuple[str, ...]:
    """Options that run a job on it."""
    return ("--runner=PrismRunner", f"--prism_location={PRISM}")
