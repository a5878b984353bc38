"""What a target's own OpenAPI document says that there is: operations, where an id goes, and the fields that bodies have."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from conformance.dialects.template import follow
from conformance.probes.door import Answer
from conformance.session import Session

PLACES = ("/openapi.json", "/v1/openapi.json", "/api/openapi.json", "/docs/openapi.json", "/swagger.json")
_METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
_MOST = 500  # operations; a hostile document may not fill our memory
_DEPTH = 8  # of references and of schemas inside schemas
_PARAMETER = re.compile(r"\{[^{}/]+\}")
_NAMES_AN_ID = re.compile(r"(?:^|[_-])(?:id|key|token|hash|uuid)s?$|[a-z]Id$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation; `path` is below the base URL, with `{…}` where a parameter goes."""

    method: str
    path: str
    query: str = ""  # the one parameter of the query that takes an id; empty: none, or several
    bound: bool = False  # further parameters are required, so that it cannot be asked with an id alone
    fields: frozenset[str] = frozenset()  # of its JSON body, those that are described

    def takes_id(self) -> bool:
        """Whether one id is all that it takes."""
        count = len(_PARAMETER.findall(self.path))
        return not self.bound and (count == 1 or (count == 0 and bool(self.query)))

    def takes_nothing(self) -> bool:
        """Whether it can be asked as it stands."""
        return not self.bound and not _PARAMETER.search(self.path)

    def filled(self, value: str = "") -> str:
        """Its path with this id in it."""
        value = quote(value, safe="")
        if _PARAMETER.search(self.path):
            return _PARAMETER.sub(lambda _: value, self.path)
        return f"{self.path}?{self.query}={value}" if value else self.path

    def template(self) -> str:
        """Its path or query with `{id}` where the one id goes."""
        if _PARAMETER.search(self.path):
            return _PARAMETER.sub("{id}", self.path)
        return f"{self.path}?{self.query}={{id}}" if self.query else self.path

    def like(self, template: str) -> bool:
        """Whether a path of a dialect means the same, whatever its parameters are called."""
        return _bare(self.path) == _bare(template)


async def described(session: Session, base: str, headers: Mapping[str, str]) -> tuple[Operation, ...]:
    """The operations of the API at `base`, asked for with these headers; none where no document is found."""
    for place in PLACES:
        reply = await session.door.send("GET", base + place, headers=headers)
        if isinstance(reply, Answer) and reply.status == 200 and not reply.truncated:
            found = operations(reply.json())
            if found:
                return found
    return ()


def operations(document: Any) -> tuple[Operation, ...]:
    """Those of an OpenAPI 3 or Swagger 2 document; whatever in it is none is passed over."""
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, dict):
        return ()
    found: list[Operation] = []
    for path, item in paths.items():
        if isinstance(item, dict) and path.startswith("/"):
            found += _of_path(document, _base(document) + path, item)
        if len(found) >= _MOST:
            break
    return tuple(found[:_MOST])


def _of_path(document: Any, path: str, item: Mapping[str, Any]) -> Iterator[Operation]:
    for method in _METHODS:
        told = item.get(method.lower())
        if not isinstance(told, dict):
            continue
        parameters = [*_parameters(document, item), *_parameters(document, told)]
        asked = [p for p in parameters if p.get("in") == "query"]
        ids = [str(p["name"]) for p in asked if _NAMES_AN_ID.search(str(p.get("name", "")))]
        chosen = ids[0] if len(ids) == 1 else ""
        yield Operation(
            method=method,
            path=path,
            query=chosen,
            bound=any(p.get("required") and p.get("name") != chosen for p in asked),
            fields=frozenset(_fields(document, _body(document, told), _DEPTH)),
        )


def _parameters(document: Any, holder: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = holder.get("parameters")
    found = [_meant(document, one) for one in listed] if isinstance(listed, list) else []
    return [one for one in found if isinstance(one, dict)]


def _body(document: Any, told: Mapping[str, Any]) -> Any:
    """The schema of the JSON body."""
    body = _meant(document, told.get("requestBody"))
    content = body.get("content") if isinstance(body, dict) else None
    kinds = content.values() if isinstance(content, dict) else ()
    return next((kind.get("schema") for kind in kinds if isinstance(kind, dict)), None)


def _fields(document: Any, schema: Any, depth: int) -> Iterator[str]:
    schema = _meant(document, schema)
    if not isinstance(schema, dict) or not depth:
        return
    properties = schema.get("properties")
    yield from properties if isinstance(properties, dict) else ()
    for together in ("allOf", "anyOf", "oneOf"):
        parts = schema.get(together)
        for part in parts if isinstance(parts, list) else ():
            yield from _fields(document, part, depth - 1)


def _meant(document: Any, node: Any) -> Any:
    """What a reference (`$ref`) inside the document leads to."""
    for _ in range(_DEPTH):
        reference = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        node = follow(document, reference[1:])
    return node


def _base(document: Mapping[str, Any]) -> str:
    """The path of the first server, below which all paths are (OpenAPI 3, 4.8.5; Swagger 2, `basePath`)."""
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else None
    url = first.get("url") if isinstance(first, dict) else document.get("basePath")
    try:
        return urlsplit(url).path.rstrip("/") if isinstance(url, str) else ""
    except ValueError:
        return ""


def _bare(path: str) -> str:
    return _PARAMETER.sub("{}", path.partition("?")[0])
