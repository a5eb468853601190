"""Beam's runner on a Prism of its own, which does not outlive the process.

Beam ends the Prism that it starts when Python exits in order or is interrupted. After
any other signal Prism went on for ever, with the job that nobody waits for.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability import prism_runner
from apache_beam.runners.portability.job_server import JobServer, StopOnExitJobServer
from apache_beam.utils.shared import Shared

ENDING = Path(__file__).with_name("ending.py")


class PrismRunner(prism_runner.PrismRunner):
    """Runs jobs on Prism; jobs of one process share one."""

    shared_handle = Shared()

    def default_job_server(self, options: PipelineOptions) -> JobServer:
        """The Prism of this process, started by the first job."""
        server: JobServer = self.shared_handle.acquire(
            lambda: StopOnExitJobServer(_Prism(options))
        )
        return server


class _Prism(prism_runner.PrismJobServer):
    def subprocess_cmd_and_endpoint(self) -> tuple[list[Any], str]:
        """Prism's command, run so that it ends with this process."""
        command, endpoint = super().subprocess_cmd_and_endpoint()
        ending = [sys.executable, "-I", "-S", ENDING, os.getpid()]
        return [*ending, *command], endpoint
