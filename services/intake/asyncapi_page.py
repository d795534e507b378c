"""The AsyncAPI document as a page: every topic, its messages and their fields, readable without a network.

The component of the AsyncAPI project is three megabytes of JavaScript and asks for more; this is one table a message.
"""

from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

import services.contracts as contracts

_HERE = Path(contracts.__file__).parent
FIRST = "passport-raw"  # what a sending system needs
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:0 auto;padding:1rem;color:#1a1a1a}
nav a{margin-right:1rem;white-space:nowrap} h2{border-top:2px solid #ccc;padding-top:1rem;margin-top:2.5rem}
table{border-collapse:collapse;width:100%;margin:.5rem 0 1rem} td,th{border-bottom:1px solid #ddd;padding:.25rem .75rem .25rem 0;
text-align:left;vertical-align:top} code{background:#f3f3f3;padding:0 .2rem} summary{cursor:pointer;font-weight:600;margin:.4rem 0}
pre{background:#f3f3f3;padding:.75rem;overflow:auto} .op{color:#555}
"""


def asyncapi_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/asyncapi.json")
    async def _document() -> Response:
        return Response((_HERE / "asyncapi.json").read_bytes(), media_type="application/json")

    @router.get("/asyncapi")
    async def _page() -> HTMLResponse:
        return HTMLResponse(page())

    return router


@cache
def page() -> str:
    """The whole page."""
    document = orjson.loads((_HERE / "asyncapi.json").read_bytes())
    names = sorted(document["channels"], key=lambda name: (name != FIRST, name))
    links = " ".join(f'<a href="#{escape(n)}">{escape(n)}</a>' for n in names)
    body = "".join(_channel(name, document) for name in names)
    info = document["info"]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(info['title'])}: topics</title><style>{_STYLE}</style><h1>Topics of {escape(info['title'])}</h1>"
        f'<p>{escape(info["description"].partition(" Generated")[0])} The document itself: <a href="/asyncapi.json">asyncapi.json</a> (AsyncAPI '
        f'{escape(document["asyncapi"])}). Over HTTP: <a href="/docs">the API page</a>.</p><nav>{links}</nav>{body}</html>'
    )


def _channel(name: str, document: dict[str, Any]) -> str:
    channel = document["channels"][name]
    receives = any(
        o["action"] == "receive" and o["channel"]["$ref"].endswith(f"/{name}") for o in document["operations"].values()
    )
    how = (
        "you send, structured or binary mode of the CloudEvents Kafka binding"
        if receives
        else "you may read, if you are allowed to"
    )
    messages = "".join(_message(name, m, document["components"]["messages"][m]) for m in channel["messages"])
    return f'<h2 id="{escape(name)}"><code>{escape(channel["address"])}</code></h2><p class="op">{how}</p>{messages}'


def _message(channel: str, name: str, message: dict[str, Any]) -> str:
    payload = message["payload"]
    about = (
        payload if "$ref" in payload else payload["allOf"][1]["properties"]["data"]
    )  # of an event the fields of `data`
    schema = orjson.loads((_HERE / about["$ref"]).read_bytes())
    fields, required = schema.get("properties", {}), schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' *' if field in required else ''}<td>{escape(_type(spec, schema.get('$defs', {})))}"
        f"<td>{escape(spec.get('description', ''))}"
        for field, spec in fields.items()
    )
    example = _HERE / "examples" / channel / "v1" / f"{name}.full.json"
    shown = f"<pre>{escape(example.read_text())}</pre>" if example.exists() else ""
    return (
        f"<details><summary>{escape(name)}</summary><p>{escape(message['title'])}</p>"
        f"<table><tr><th>field (* required)<th>type<th>meaning</tr>{rows}</table>{shown}</details>"
    )


def _type(spec: dict[str, Any], inner: dict[str, Any]) -> str:
    return ", ".join(_types(spec, inner)) or "any"


def _types(spec: dict[str, Any], inner: dict[str, Any]) -> Iterator[str]:
    """`inner` holds the objects that a field may be made of, by name."""
    for each in spec.get("anyOf", [spec]):
        if each.get("type") == "null":
            continue
        if "enum" in each or "const" in each:
            yield " | ".join(map(str, each.get("enum", [each.get("const")])))
        elif each.get("type") == "array":
            yield f"list of {_type(each.get('items', {}), inner)}"
        elif "$ref" in each:
            yield f"{{{', '.join(inner.get(each['$ref'].rpartition('/')[2], {}).get('properties', {}))}}}"
        elif "pattern" in each:
            yield f"{each['type']} {each['pattern']}"
        elif "type" in each:
            yield str(each.get("format") or each["type"])
