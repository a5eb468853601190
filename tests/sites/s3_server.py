"""An S3 server for tests: moto's, in a process of its own, one request after another.

Moto honours If-None-Match but looks first and writes then, so its usual server, which
answers in threads, lets two of two writers win now and then. S3 does not; nor does this
one, as it never answers two at once.
"""

from __future__ import annotations

import sys

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import run_simple

if __name__ == "__main__":
    application = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=False)
