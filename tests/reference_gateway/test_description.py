"""The descriptions of both planes: sound OpenAPI 3.1, about exactly what there is, true of what is asked."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from reference_gateway.admin.description import admin_description
from reference_gateway.admin.metrics import Metrics
from reference_gateway.admin.routes import AdminApi
from reference_gateway.admin.shapes import key_view
from reference_gateway.config import Config, load
from reference_gateway.content.edge import Edge, Health
from reference_gateway.content.relay import Relay
from reference_gateway.description.content import content_description
from reference_gateway.events import Route
from reference_gateway.ledger.accounts import Accounts
from reference_gateway.ledger.wire import Endpoint, Ledger
from reference_gateway.web.boundary import Resolver
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway.admin_stage import CHIEF, TOKENS, Described, Stage, admin_stage
from tests.reference_gateway.asking import BILLED, LEAST, MODEL, read
from tests.reference_gateway.gateway import write_config, write_tls
from tests.reference_gateway.unhurried import UNHURRIED

SOURCE = Path(__file__).parents[2] / "reference_gateway"
METHODS = ("get", "post", "patch", "delete", "put", "head", "options", "trace")
ASKED = {
    Endpoint.CHAT: "ChatRequest",
    Endpoint.COMPLETIONS: "CompletionRequest",
    Endpoint.RESPONSES: "ResponsesRequest",
    Endpoint.EMBEDDINGS: "EmbeddingsRequest",
    Endpoint.MESSAGES: "MessagesRequest",
}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    folder = tmp_path_factory.mktemp("config")
    write_tls(folder)
    config = load(write_config(folder, "https://127.0.0.1:1/v1", ["m"]))
    return replace(config, models=(MODEL,))


@pytest.fixture(scope="module")
def content(config: Config) -> Described:
    return Described(json.loads(content_description(config)))


@pytest.fixture(scope="module")
def admin(config: Config) -> Described:
    return Described(json.loads(admin_description(config)))


@pytest.fixture(params=["content", "admin"])
def described(request: pytest.FixtureRequest) -> Described:
    found: Described = request.getfixturevalue(request.param)
    return found


def operations(described: Described) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in described.document["paths"].items():
        for method in item.keys() - {"parameters"}:
            yield (
                path,
                item[method]
                | {"parameters": [*item.get("parameters", ()), *item[method].get("parameters", ())]},
            )


def every(value: Any, name: str) -> Iterator[Any]:
    """Each value that has this name, however deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and name in value:
        yield value[name]
    for one in inner:
        yield from every(one, name)


def leads_somewhere(document: Any, reference: str) -> bool:
    """Whether a reference within a document names something in it."""
    found = document
    for name in reference.removeprefix("#/").split("/"):
        found = found.get(name) if isinstance(found, dict) else None
    return found is not None


# --- sound -------------------------------------------------------------------------------------------------


def test_every_schema_is_one_and_every_reference_leads_somewhere(described: Described) -> None:
    document = described.document
    schemas = [*every(document["paths"], "schema"), *document["components"]["schemas"].values()]
    references = [*every(document, "$ref")]
    sound = Draft202012Validator(Draft202012Validator.META_SCHEMA).is_valid

    assert schemas
    assert [schema for schema in schemas if not sound(schema)] == []
    assert references
    assert [reference for reference in references if not leads_somewhere(document, reference)] == []


def test_every_operation_is_whole(described: Described) -> None:
    assert described.document["openapi"] == "3.1.0"
    assert set(described.document["info"]) >= {"title", "version"}
    schemes = described.document["components"]["securitySchemes"]
    assert [set(one) for one in described.document["security"]] == [{name} for name in schemes]
    names = []
    for path, operation in operations(described):
        names.append(operation["operationId"])
        in_path = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", path)
        assert all(one["required"] for one in operation["parameters"] if one["in"] == "path")
        for status, response in operation["responses"].items():
            assert re.fullmatch("[2-5][0-9][0-9]", status)
            assert response["description"]
            assert all("schema" in media for media in response["content"].values())
    assert len(names) == len(set(names)) > 0
    leading = {
        link["operationId"]
        for links in every(described.document["paths"], "links")
        for link in links.values()
    }
    assert leading <= set(names)


def test_methods_are_those_of_openapi(described: Described) -> None:
    for item in described.document["paths"].values():
        assert item.keys() - {"parameters"} <= set(METHODS)


# --- about what there is -----------------------------------------------------------------------------------


def found(resolve: Resolver, described: Described) -> dict[str, set[str]]:
    """Described path to the methods that the program has there."""
    endpoints = {path: resolve(path.replace("{id}", "x")) for path in described.document["paths"]}
    return {path: set(endpoint.methods) if endpoint else set() for path, endpoint in endpoints.items()}


def said(described: Described) -> dict[str, set[str]]:
    return {
        path: {method.upper() for method in item if method != "parameters"}
        for path, item in described.document["paths"].items()
    }


def test_the_admin_plane_is_described_whole(admin: Described, config: Config) -> None:
    api = AdminApi(TOKENS, cast("Accounts", None), key_view("live"), config, Metrics())

    assert found(api.resolve, admin) == said(admin)
    assert set(api.templates) == set(said(admin))


def test_the_content_plane_is_described_whole(content: Described, config: Config) -> None:
    edge = Edge(config, cast("Ledger", None), cast("Relay", None), lambda: Health(ledger=True, confined=True))

    there = {path: set(endpoint.methods) for path, endpoint in edge._endpoints.items()}
    assert there | {"/openapi.json": {"GET"}} == said(content)


def test_every_route_that_has_a_name_is_described(
    admin: Described, content: Described, config: Config
) -> None:
    api = AdminApi(TOKENS, cast("Accounts", None), key_view("live"), config, Metrics())
    edge = Edge(config, cast("Ledger", None), cast("Relay", None), lambda: Health(ledger=True, confined=True))
    paths = [path.replace("{id}", "x") for one in (admin, content) for path in one.document["paths"]]

    endpoints = [resolve(path) for path in paths for resolve in (api.resolve, edge.resolve)]

    assert {endpoint.route for endpoint in endpoints if endpoint} == set(Route) - {Route.UNKNOWN}


@pytest.mark.parametrize(
    ("name", "rooms", "elsewhere"),
    [
        # A key is revoked within a stream, which has a status by then.
        ("content", ["content", "web/reading.py"], {"KEY_REVOKED"}),
        ("admin", ["admin", "web/reading.py"], set()),
    ],
)
def test_every_fault_that_a_plane_can_say_is_described(
    request: pytest.FixtureRequest, name: str, rooms: list[str], elsewhere: set[str]
) -> None:
    document = request.getfixturevalue(name).document
    files = [
        path for room in rooms for path in [SOURCE / room, *(SOURCE / room).rglob("*.py")] if path.is_file()
    ]
    named = {fault for path in files for fault in re.findall(r"Fault\.([A-Z_]+)\b", path.read_text())}

    messages = {message for one in every(document["paths"], "message") for message in one["enum"]}

    assert len(named) > 10
    assert {Fault[fault].value.message for fault in named - elsewhere} <= messages


# --- true of what is asked ---------------------------------------------------------------------------------

VALUES: list[Any] = [
    *(None, True, False, 0, 1, 7, 100, 101, 128, 129, -1, 0.5, 2**70, "", "text"),
    *([], ["a"], ["a", 1], [1, 2], [1, -1], [1, True], [[1], [2]], [[]], [["a"]], [{}], [None]),
    *({}, {"include_usage": True}, {"include_usage": 1}, {"include_usage": None}, {"other": 1}),
    *(
        [{"role": "user"}],
        [{"type": None, "role": "user"}],
        [{"type": "message"}],
        [{"type": 5, "role": "user"}],
    ),
    *([{"type": "item_reference", "id": "x"}], [{"id": "x"}], [{"type": "item_reference", "role": "user"}]),
    *(
        [{"role": "user", "content": content}]
        for content in (None, "a", 5, [], [5], [{"type": "text"}], [{"type": 1}])
    ),
    *(
        [{"type": kind, "content": 5, "output": [1]}]
        for kind in ("message", "function_call_output", "reasoning")
    ),
    [{"type": "function_call_output", "output": [{"type": "input_text", "text": "a"}]}],
    [{"role": "user", "content": [{"type": "tool_result", "content": [{"type": "text", "text": "a"}]}]}],
    [{"role": "user", "content": [{"type": "tool_result", "content": [5]}]}],
    [{"role": "user", "content": [{"type": "text", "content": [5]}]}],
    *({"type": "enabled", "budget_tokens": budget} for budget in (7, None, 0, 101, "x")),
]


def understood(endpoint: Endpoint, fields: dict[str, Any]) -> bool:
    """Whether a key without a limit may ask this."""
    try:
        read(endpoint, fields, limited=False)
    except RefusalError:
        return False
    return True


@pytest.mark.parametrize("endpoint", BILLED)
@given(data=st.data())
@UNHURRIED
def test_a_body_is_described_just_when_it_is_understood(
    content: Described, endpoint: Endpoint, data: st.DataObject
) -> None:
    asked = content.document["components"]["schemas"][ASKED[endpoint]]
    names = sorted(asked["properties"].keys() - {"model"})
    fields = data.draw(
        st.dictionaries(st.sampled_from([*names, "other"]), st.sampled_from(VALUES), max_size=4)
    )

    faults = content.faults(asked, {"model": "m", **LEAST[endpoint], **fields})

    assert understood(endpoint, fields) == (not faults)


@pytest.mark.parametrize("endpoint", BILLED)
def test_every_described_field_is_held_to_what_is_said_of_it(content: Described, endpoint: Endpoint) -> None:
    asked = content.document["components"]["schemas"][ASKED[endpoint]]
    one_changed = [{name: value} for name in asked["properties"].keys() - {"model"} for value in VALUES]

    differing = [
        fields
        for fields in one_changed
        if understood(endpoint, fields)
        is bool(content.faults(asked, {"model": "m", **LEAST[endpoint], **fields}))
    ]

    assert differing == []


@pytest.mark.parametrize("endpoint", BILLED)
def test_what_is_required_is_missed(content: Described, endpoint: Endpoint) -> None:
    asked = content.document["components"]["schemas"][ASKED[endpoint]]

    assert content.faults(asked, {"model": "m", **LEAST[endpoint]}) == []
    for name in asked["required"]:
        body = {"model": "m", **LEAST[endpoint]}
        del body[name]
        assert content.faults(asked, body)
    assert content.faults(asked, {**LEAST[endpoint], "model": "other"})


# --- as it is served ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with admin_stage(tmp_path_factory.mktemp("description")) as stage:
        yield stage


def test_the_admin_plane_serves_its_own_description(stage: Stage) -> None:
    answer = stage.ask("GET", "/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.content == admin_description(stage.config)
    assert CHIEF not in answer.text
