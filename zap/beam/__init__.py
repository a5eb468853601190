"""Steps of pipelines, and the processes that they run in."""

import os

# gRPC, over which Beam talks to its workers, tells stderr of each connection that ends.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
