"""The words that the descriptions of both planes are made of.

Refusals are described by the faults that an operation can end with, so that no status and no error code
stands there that the program does not have.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from reference_gateway.web.faults import Fault, anthropic_error_body, error_body

Json = dict[str, Any]
Shape = Callable[[Sequence[Fault]], Json]

# Whatever is asked: the server's own refusals of a head, and a fault of ours.
ANY_REQUEST: Final = (Fault.MALFORMED, Fault.HEAD_TOO_LARGE, Fault.INTERNAL)
ANY_BODY: Final = (
    Fault.NOT_JSON,
    Fault.BODY_CUT,
    Fault.BAD_VALUE,
    Fault.SLOW_BODY,
    Fault.BODY_TOO_LARGE,
    Fault.NOT_JSON_TYPE,
    Fault.ENCODED_BODY,
)
NO_CREDENTIAL: Final = (Fault.NO_KEY, Fault.BAD_KEY)

# Said by the server, before anybody knows whose API is spoken.
_SERVERS: Final = (Fault.MALFORMED, Fault.HEAD_TOO_LARGE)
_JSON: Final = "application/json"
_HEADERS: Final[Json] = {
    "x-request-id": {"$ref": "#/components/headers/RequestId"},
    "request-id": {"$ref": "#/components/headers/RequestId"},
}
_REQUEST_ID: Final[Json] = {
    "description": "The id of the request, which the gateway's events show without its prefix.",
    "required": True,
    "schema": {"type": "string", "pattern": "^req_[0-9a-f]{32}$"},
}


def document(
    *,
    title: str,
    about: str,
    paths: Mapping[str, Json],
    schemas: Mapping[str, Json],
    security: Mapping[str, Json],
) -> bytes:
    """The whole document. Each of the `security` schemes is enough by itself."""
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": title, "version": "1", "description": about},
            "security": [{name: []} for name in security],
            "paths": paths,
            "components": {
                "headers": {"RequestId": _REQUEST_ID},
                "schemas": schemas,
                "securitySchemes": security,
            },
        }
    )


def answer(about: str, schema: Json, *, media: str = _JSON) -> Json:
    """A response with a body of one media type."""
    return {"description": about, "headers": _HEADERS, "content": {media: {"schema": schema}}}


def openai_error(faults: Sequence[Fault]) -> Json:
    """How OpenAI's API says one of these faults."""
    return record(
        {
            "error": record(
                {
                    **_spoken(faults, lambda fault: msgspec.json.decode(error_body(fault))["error"]),
                    "param": {"type": ["string", "null"]},
                }
            )
        }
    )


def anthropic_error(faults: Sequence[Fault]) -> Json:
    """How Anthropic's API says one of these faults."""
    spoken = _spoken(faults, lambda fault: msgspec.json.decode(anthropic_error_body(fault))["error"])
    return record({"type": {"const": "error"}, "error": record(spoken)})


def refusals(faults: Iterable[Fault], said: Shape = openai_error) -> Json:
    """Responses for these faults and for those of `ANY_REQUEST`, by status."""
    by_status: dict[int, list[Fault]] = {}
    for fault in dict.fromkeys((*faults, *ANY_REQUEST)):
        by_status.setdefault(fault.value.status, []).append(fault)
    return {str(status): _refusal(group, said) for status, group in sorted(by_status.items())}


def any_of(schemas: Sequence[Json]) -> Json:
    """One of these schemas."""
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def body(schema: Json, most: int) -> Json:
    """A request body, at most `most` bytes long."""
    return {
        "description": f"At most {most} bytes of UTF-8, without content-encoding.",
        "required": True,
        "content": {_JSON: {"schema": schema}},
    }


def record(properties: Mapping[str, Json], *, optional: Sequence[str] = (), closed: bool = True) -> Json:
    """An object with these properties; `closed`: and no others."""
    schema: Json = {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
    }
    return schema | ({"additionalProperties": False} if closed else {})


def ref(name: str) -> Json:
    """One of the document's schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Json) -> Json:
    """The schema, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def _refusal(faults: Sequence[Fault], said: Shape) -> Json:
    by_shape: dict[Shape, list[Fault]] = {}
    for fault in faults:
        by_shape.setdefault(openai_error if fault in _SERVERS else said, []).append(fault)
    about = " ".join(dict.fromkeys(fault.value.message for fault in faults))
    return answer(about, any_of([shape(group) for shape, group in by_shape.items()]))


def _spoken(faults: Sequence[Fault], said: Callable[[Fault], Json]) -> dict[str, Json]:
    """The fields that are constant for each fault."""
    all_said = [said(fault) for fault in faults]
    return {
        name: {"enum": sorted({one[name] for one in all_said})} for name in all_said[0] if name != "param"
    }
