"""OpenAPI documents, well-formed and not: which operations they tell of, and where an id goes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.probes.described import Operation, operations

KEY = {"name": "id", "in": "path", "required": True}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://gateway.example/api/"}],
    "paths": {
        "/keys": {
            "get": {"parameters": [{"name": "page", "in": "query"}]},
            "post": {"requestBody": {"$ref": "#/components/requestBodies/Key"}},
        },
        "/keys/{id}": {"parameters": [KEY], "get": {}, "delete": {}, "x-note": "no operation"},
        "/info": {"get": {"parameters": [{"$ref": "#/components/parameters/Key"}]}},
        "/usage": {"get": {"parameters": [{"name": "since", "in": "query", "required": True}]}},
        "/teams/{team}/keys/{id}": {"get": {}},
    },
    "components": {
        "parameters": {"Key": {"name": "key", "in": "query", "required": True}},
        "requestBodies": {"Key": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Key"}}}}},
        "schemas": {
            "Key": {"allOf": [{"$ref": "#/components/schemas/Named"}, {"properties": {"limit": {}}}]},
            "Named": {"properties": {"name": {}}},
        },
    },
}  # fmt: skip


def told(method: str, path: str) -> Operation:
    """What the document tells of an operation."""
    (found,) = [one for one in operations(DOCUMENT) if (one.method, one.path) == (method, f"/api{path}")]
    return found


@pytest.mark.parametrize(
    ("path", "filled"),
    [("/keys/{id}", "/api/keys/a%2Fb"), ("/info", "/api/info?key=a%2Fb")],
)
def test_one_id_is_put_where_it_goes(path: str, filled: str) -> None:
    assert told("GET", path).takes_id()
    assert told("GET", path).filled("a/b") == filled


@pytest.mark.parametrize("path", ["/keys", "/usage", "/teams/{team}/keys/{id}"])
def test_what_takes_something_else_takes_no_id(path: str) -> None:
    assert not told("GET", path).takes_id()


@pytest.mark.parametrize(("path", "alone"), [("/keys", True), ("/keys/{id}", False), ("/usage", False)])
def test_only_what_needs_nothing_is_asked_as_it_stands(path: str, alone: bool) -> None:
    assert told("GET", path).takes_nothing() == alone


def test_fields_are_collected_from_wherever_the_document_puts_them() -> None:
    assert told("POST", "/keys").fields == {"name", "limit"}


def test_a_dialect_means_the_same_path_by_other_names() -> None:
    assert told("GET", "/keys/{id}").like("/api/keys/{hash}?full=true")
    assert not told("GET", "/keys/{id}").like("/api/keys")


def test_a_schema_that_holds_itself_ends() -> None:
    schema = {"$ref": "#/components/schemas/A"}
    body = {"content": {"application/json": {"schema": schema}}}
    document = {
        "paths": {"/a": {"post": {"requestBody": body}}},
        "components": {"schemas": {"A": {"properties": {"a": {}}, "allOf": [schema, schema]}}},
    }
    assert operations(document)[0].fields == {"a"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("#/paths"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["paths", "/a/{b}", "get", "parameters", "$ref", "in", "name", "requestBody", "content"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_stands_in_a_document_it_is_read(document: Any) -> None:
    assert isinstance(operations(document), tuple)
