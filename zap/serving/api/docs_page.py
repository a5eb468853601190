"""The page ``/docs``: the OpenAPI document for people, with nothing from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;
color:#1d2733;background:#fff}h2{margin-top:2.5rem;font-size:1.1rem}code,pre{font:14px
ui-monospace,monospace;background:#f1f4f7;border-radius:4px}code{padding:.1em .3em}
pre{padding:.8rem;overflow-x:auto}b{display:inline-block;min-width:4.5rem;color:#0b6bcb}
table{border-collapse:collapse}td{padding:.15rem 1rem .15rem 0;vertical-align:top}
details{margin:.5rem 0}@media(prefers-color-scheme:dark){body{background:#14191f;color:
#d7dee6}code,pre{background:#222a33}b{color:#6db3f2}a{color:#6db3f2}}
"""


def page(document: Mapping[str, Any]) -> bytes:
    """The page of an OpenAPI document, as HTML."""
    info = document["info"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width'>",
        f"<title>{escape(info['title'])}: the API</title><style>{STYLE}</style>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['description'])} For programs: ",
        "<a href=openapi.json>openapi.json</a>.</p>",
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(_operation(method, path, operation))
    parts.append("<h2>Bodies</h2>")
    for name, schema in document["components"]["schemas"].items():
        shown = escape(json.dumps(schema, indent=1))
        parts.append(f"<details id={escape(name)}><summary><code>{escape(name)}</code>")
        parts.append(f" {escape(_first_line(schema))}")
        parts.append(f"</summary><pre>{shown}</pre></details>")
    return "".join(parts).encode()


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{status}<td>{escape(said['description'])}"
        for status, said in operation["responses"].items()
    )
    body = operation.get("requestBody")
    name = _name(body["content"]) if body else None
    sent = f"<p>Body: <a href=#{name}><code>{name}</code></a></p>" if name else ""
    answered = _name(operation["responses"]["200"]["content"])
    return (
        f"<h2><b>{method.upper()}</b> <code>{escape(path)}</code></h2>"
        f"<p>{escape(operation['summary'])}.</p>{sent}"
        f"<p>Answer: <a href=#{answered}><code>{answered}</code></a></p>"
        f"<details><summary>Statuses</summary><table>{rows}</table></details>"
    )


def _first_line(schema: Mapping[str, Any]) -> str:
    said: str = schema.get("description", "")
    return said.partition("\n")[0]


def _name(content: Mapping[str, Any]) -> str:
    reference: str = content["application/json"]["schema"]["$ref"]
    return escape(reference.rpartition("/")[2])
