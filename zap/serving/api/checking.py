"""A server's settings tried without serving: what would be served, or what is wrong."""

from __future__ import annotations

from typing import Any

from zap.errors import ServingError
from zap.serving.api.config import ServeConfig
from zap.serving.api.readiness import readiness, store_problem
from zap.serving.api.server import make_service


def checked(config: ServeConfig) -> dict[str, Any]:
    """What a server with these settings would serve.

    Raises:
        ZapError: it could not answer.
    """
    service = make_service(config)
    try:
        found = readiness(service)
        problems = [f"{name}: {said}" for name, said in service.problems.items()]
        if why := store_problem(service):
            problems.append(f"store: {why}")
        if not found.ready or problems:
            raise ServingError(
                "Expected a server that is ready. Received: "
                f"applications={found.applications}, store={found.store}, "
                f"problems={problems}. Mend them, or deploy a version."
            )
        return {"ready": True, "applications": found.applications}
    finally:
        service.close()
