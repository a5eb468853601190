"""What gRPC has to say of its connections is not the user's affair."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
import {module}
import time
from concurrent.futures import ThreadPoolExecutor
import grpc

class Endless(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_stream_rpc_method_handler(self.answer)

    def answer(self, asked, context):
        while context.is_active():
            yield b"more"
            time.sleep(0.01)

for _ in range(3):
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Endless(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{{port}}") as channel:
        answers = channel.unary_stream("/a/b")(b"")
        next(answers)
        server.stop(None)
        try:
            list(answers)
        except grpc.RpcError:
            pass
        time.sleep(0.1)
"""


def said(module: str) -> str:
    """What connections that are cut off leave on stderr, after an import."""
    environment = {k: v for k, v in os.environ.items() if k != "GRPC_VERBOSITY"}
    code = [sys.executable, "-c", CODE.format(module=module)]
    done = subprocess.run(code, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_connections_that_end_are_not_told_of() -> None:
    assert "goaway" in said("grpc"), "gRPC tells of none any more: nothing to silence"
    assert said("zap.beam") == ""
