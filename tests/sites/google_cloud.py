"""A stand-in for Cloud Storage and Dataflow's control plane, on a port of this machine.

It answers the calls that the real clients make, holds each against the published
description of its API, and keeps what it was sent. Jobs are given to a function, which
is all that there is of Dataflow's own work.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import google_crc32c
from google.cloud import dataflow
from google_api import described

DONE, FAILED, RUNNING = "JOB_STATE_DONE", "JOB_STATE_FAILED", "JOB_STATE_RUNNING"
Work = Callable[["Cloud", dict[str, Any]], str]
"""Does a job, and gives back the state in which it ended."""


@dataclass
class Cloud:
    """What the stand-in holds, and what it was asked.

    Attributes:
        work: what becomes of a job; None leaves it running.
        buckets: names of those that exist.
        objects: contents by (bucket, name).
        jobs: jobs by id, in the form of the API.
        messages: what is told of jobs.
        problems: requests that the real services would refuse.
        port: where it listens, once it does.
        code: the exit code of the command that submitted a job.
        said: what it said on stderr.
    """

    work: Work | None = None
    buckets: set[str] = field(default_factory=set)
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    port: int = 0
    code: int | None = None
    said: str = ""

    def __enter__(self) -> Cloud:
        self.storage, self.dataflow = (
            described("storage.v1"),
            described("dataflow.v1b3"),
        )
        self._uploads: dict[str, tuple[str, str, bytearray]] = {}
        handler = type("Handler", (_Handler,), {"cloud": self})
        self._server = _Server(("localhost", 0), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address; "localhost" has the real client speak REST to it."""
        return f"http://localhost:{self.port}"

    def environment(self) -> dict[str, str]:
        """Variables that lead the clients of Cloud Storage here."""
        return {
            "STORAGE_EMULATOR_HOST": self.url,
            "GOOGLE_CLOUD_PROJECT": "my-shop-1",
            "FSSPEC_GS_TOKEN": "anon",  # gcsfs would look for a real one,
            # and ask by gRPC whether a bucket has real folders, which is not told here.
            "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",
        }

    def options(self) -> list[str]:
        """Options that lead the client of Dataflow here."""
        return [f"--dataflow_endpoint={self.url}", "--no_auth"]

    def answer(
        self, verb: str, path: str, query: dict[str, str], headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """The answer to a request: status, headers, body."""
        found = re.fullmatch(
            r"/(?:upload/|download/|resumable/upload/)*storage/v1/(.*)", path
        )
        if path == "/batch/storage/v1":
            return self._batch(headers, body)
        if found:
            return self._store(verb, found[1], query, headers, body, path)
        if path.startswith("/v1b3/"):
            return self._control(verb, path[1:], query, body)
        self.problems.append(f"{verb} {path}")
        return _missing(path)

    def _control(
        self, verb: str, path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        sent = None
        if body:
            # Clients may send the numbers of enumerations; the description has names.
            job = dataflow.Job.from_json(body)
            sent = json.loads(
                dataflow.Job.to_json(
                    job,
                    use_integers_for_enums=False,
                    including_default_value_fields=False,
                )
            )
        self.problems += self.dataflow.problems(verb, path, _named(query), sent)
        parts = path.split("/")[5:]
        if verb == "POST":
            assert sent is not None
            number = f"2026-11-30_00_00_00-{len(self.jobs) + 1}"
            job = sent | {"id": number, "currentState": RUNNING}
            self.jobs[number] = job
            threading.Thread(target=self._work, args=(job,), daemon=True).start()
            return _json(job)
        if len(parts) == 1:
            active = [
                job for job in self.jobs.values() if job["currentState"] == RUNNING
            ]
            return _json({"jobs": active})
        job = self.jobs[parts[1]]
        if verb == "PUT":
            assert sent is not None
            job["currentState"] = sent["requestedState"]
        elif parts[2:] == ["messages"]:
            return _json({"jobMessages": [_message(text) for text in self.messages]})
        elif parts[2:] == ["metrics"]:
            return _json({"metrics": []})
        return _json(job)

    def _work(self, job: dict[str, Any]) -> None:
        if self.work is None:
            return
        try:
            state = self.work(self, job)
        except Exception as error:
            self.messages.append(f"{type(error).__name__}: {error}")
            state = FAILED
        job["currentState"] = state

    def _store(
        self,
        verb: str,
        path: str,
        query: dict[str, str],
        headers: Any,
        body: bytes,
        full: str,
    ) -> tuple[int, dict[str, str], bytes]:
        upload = "upload/" in full
        if "upload_id" not in query:
            sent = json.loads(body) if body and not upload else None
            self.problems += self.storage.problems(verb, path, query, sent)
        parts = [unquote(part) for part in path.split("/")]
        bucket, name = parts[1], "/".join(parts[3:4])
        if upload:
            return self._upload(verb, bucket, query, headers, body)
        if bucket not in self.buckets:
            return _missing(bucket)
        if len(parts) == 2:
            return _json({"kind": "storage#bucket", "id": bucket, "name": bucket})
        if parts[2] == "storageLayout":
            layout = {"kind": "storage#storageLayout", "bucket": bucket}
            return _json(layout | {"hierarchicalNamespace": {"enabled": False}})
        if len(parts) == 3:
            return _json(self._listed(bucket, query))
        if verb == "DELETE":
            there = self.objects.pop((bucket, name), None)
            return (204, {}, b"") if there is not None else _missing(name)
        if len(parts) > 4:  # rewriteTo, copyTo
            return self._copied(bucket, name, parts)
        if (bucket, name) not in self.objects:
            return _missing(name)
        if query.get("alt") == "media":
            return self._media(bucket, name, headers)
        return _json(self._resource(bucket, name))

    def _listed(self, bucket: str, query: Mapping[str, str]) -> dict[str, Any]:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        items, folders = [], set()
        for where, name in sorted(self.objects):
            if where != bucket or not name.startswith(prefix):
                continue
            head, cut, _ = name[len(prefix) :].partition(delimiter or "\0")
            if cut:
                folders.add(prefix + head + delimiter)
            else:
                items.append(self._resource(bucket, name))
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(folders)}

    def _resource(self, bucket: str, name: str) -> dict[str, Any]:
        data = self.objects[bucket, name]
        crc = google_crc32c.value(data).to_bytes(4, "big")
        return {
            "kind": "storage#object",
            "id": f"{bucket}/{name}/1",
            "name": name,
            "bucket": bucket,
            "generation": "1",
            "metageneration": "1",
            "size": str(len(data)),
            "contentType": "application/octet-stream",
            "timeCreated": "2026-11-30T00:00:00.000Z",
            "updated": "2026-11-30T00:00:00.000Z",
            "md5Hash": base64.b64encode(hashlib.md5(data).digest()).decode(),
            "crc32c": base64.b64encode(crc).decode(),
            "etag": "1",
        }

    def _media(
        self, bucket: str, name: str, headers: Any
    ) -> tuple[int, dict[str, str], bytes]:
        data = self.objects[bucket, name]
        told = {"Content-Type": "application/octet-stream", "X-Goog-Generation": "1"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("Range") or "")
        if not asked:
            return 200, told, data
        start, stop = int(asked[1]), int(asked[2] or len(data) - 1) + 1
        if start >= len(data):
            return 416, {}, b""
        part = data[start:stop]
        told["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        return 206, told, part

    def _copied(
        self, bucket: str, name: str, parts: list[str]
    ) -> tuple[int, dict[str, str], bytes]:
        target = (parts[6], "/".join(parts[8:]))
        self.objects[target] = data = self.objects[bucket, name]
        copied = self._resource(*target)
        if parts[4] == "copyTo":
            return _json(copied)
        size = str(len(data))
        done = {"kind": "storage#rewriteResponse", "done": True, "resource": copied}
        return _json(done | {"totalBytesRewritten": size, "objectSize": size})

    def _upload(
        self, verb: str, bucket: str, query: dict[str, str], headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if bucket not in self.buckets:
            return _missing(bucket)
        kind = query.get("uploadType")
        if "upload_id" in query:
            return self._continued(query["upload_id"], headers, body)
        if kind == "multipart":
            told, data = _parts(headers["Content-Type"], body)
            name = query.get("name") or json.loads(told)["name"]
            self.objects[bucket, name] = data
            return _json(self._resource(bucket, name))
        if kind == "media":
            self.objects[bucket, query["name"]] = body
            return _json(self._resource(bucket, query["name"]))
        name = query.get("name") or json.loads(body)["name"]
        number = str(len(self._uploads) + 1)
        self._uploads[number] = (bucket, name, bytearray())
        place = f"{self.url}/upload/storage/v1/b/{bucket}/o?uploadType=resumable"
        return 200, {"Location": f"{place}&upload_id={number}"}, b""

    def _continued(
        self, number: str, headers: Any, body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """A further piece of an upload; the last one names the whole size, or none."""
        bucket, name, held = self._uploads[number]
        held += body
        said = headers.get("Content-Range")
        if said and said.endswith("/*"):
            return 308, {"Range": f"bytes=0-{len(held) - 1}"} if held else {}, b""
        self.objects[bucket, name] = bytes(held)
        return _json(self._resource(bucket, name))

    def _batch(self, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Deletes that come many at a time."""
        answers = []
        for part in _many(headers["Content-Type"], body):
            head, _, rest = part.partition(b"\r\n\r\n")
            line = rest.lstrip().split(b"\r\n")[0].split(b"\n")[0].decode()
            verb, url, *_ = line.split(" ")
            number = re.search(rb"Content-ID:\s*(\S+)", head, re.I)
            parts = urlsplit(url)
            status, _, _ = self.answer(
                verb, parts.path, dict(parse_qsl(parts.query)), {}, b""
            )
            mark = number[1].decode().strip("<>") if number else ""
            answers.append(
                "--answer\r\nContent-Type: application/http\r\n"
                f"Content-ID: <response-{mark}>\r\n\r\n"
                f"HTTP/1.1 {status} OK\r\nContent-Length: 0\r\n\r\n\r\n"
            )
        text = "".join(answers) + "--answer--\r\n"
        return 200, {"Content-Type": "multipart/mixed; boundary=answer"}, text.encode()


def _named(query: Mapping[str, str]) -> dict[str, str]:
    """Parameters with the names of enumerations for their numbers."""
    kinds = {"filter": dataflow.ListJobsRequest.Filter, "view": dataflow.JobView}
    return {
        name: kinds[name](int(value)).name
        if name in kinds and value.isdigit()
        else value
        for name, value in query.items()
    }


def _message(text: str) -> dict[str, str]:
    moment, importance = "2026-11-30T00:00:01.000Z", "JOB_MESSAGE_ERROR"
    told = {"id": text[:20], "time": moment, "messageText": text}
    return told | {"messageImportance": importance}


def _json(value: Any) -> tuple[int, dict[str, str], bytes]:
    told = {"Content-Type": "application/json; charset=UTF-8"}
    return 200, told, json.dumps(value).encode()


def _missing(what: str) -> tuple[int, dict[str, str], bytes]:
    error = {"code": 404, "message": f"Not found: {what}", "errors": []}
    _, told, body = _json({"error": error})
    return 404, told, body


def _many(kind: str, body: bytes) -> list[bytes]:
    """The parts of a multipart body."""
    found = re.search(r"boundary=[\"']?([^\"';]+)", kind)
    assert found
    pieces = body.split(b"--" + found[1].encode())[1:-1]
    return [piece.lstrip(b"\r\n") for piece in pieces]


def _parts(kind: str, body: bytes) -> tuple[bytes, bytes]:
    """What a multipart upload says of an object, and its content."""
    told, data = (
        re.split(rb"\r?\n\r?\n", piece, maxsplit=1)[1] for piece in _many(kind, body)
    )
    return told, re.sub(rb"\r?\n$", b"", data)


class _Server(ThreadingHTTPServer):
    """A server that says nothing of clients that hung up."""

    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Clients stop reading where they have seen enough."""


class _Handler(BaseHTTPRequestHandler):
    """Hands requests to a `Cloud`."""

    cloud: Cloud
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        try:
            status, told, answer = self.cloud.answer(
                self.command, parts.path, query, self.headers, body
            )
        except Exception as error:
            self.cloud.problems.append(f"{self.command} {self.path}: {error!r}")
            status, told, answer = 400, {}, b"{}"
        self.send_response(status)
        for name, value in told.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

    def log_message(self, *_: Any) -> None:
        """Say nothing on stderr."""
