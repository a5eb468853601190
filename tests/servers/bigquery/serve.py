"""Starts the emulator of BigQuery as tests need it.

It downloads nothing, its load jobs are those of ``real_loads``, and ``front`` stands
before it.

It is run by the emulator's own Python (build/servers/bigquery/bin/python), which knows
nothing of Zap:

    serve.py REST_PORT GRPC_PORT FOLDER

FOLDER/gs holds what ``gs://`` names.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from bqemulator import server
from bqemulator.config import Settings
from bqemulator.storage.engine import DuckDBEngine
from front import Front
from real_loads import Loads


def main(rest_port: int, grpc_port: int, folder: Path) -> None:
    """Serve until a signal ends it."""
    # An extension for geography is downloaded at each start, or nothing starts. None of
    # our tables holds geography, and a test machine may have no such way out.
    DuckDBEngine._load_spatial = lambda self: None
    front, make = Front(), server.create_app

    def before(context: Any) -> Front:
        front.app = make(context)
        return front

    server.create_app = before
    Loads(lambda: front.held, front.job_fault, front.jobs).install()
    (folder / "gs").mkdir(parents=True, exist_ok=True)
    server.run_forever(
        Settings(
            rest_port=rest_port,
            grpc_port=grpc_port,
            enable_format_extensions=False,
            gcs_local_root=folder / "gs",
            upload_staging_dir=folder / "uploads",
            log_level="warning",
            log_format="console",
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
