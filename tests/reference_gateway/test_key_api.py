"""Keys over the admin plane: lists, changes, and what is not there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.reference_gateway.admin_stage import ACCOUNTS, KEYS, NO_ID, Stage, admin_stage, error


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with admin_stage(tmp_path_factory.mktemp("keys")) as stage:
        yield stage


def test_keys_are_listed_newest_first_in_pages(stage: Stage) -> None:
    made = [stage.new_key()[0] for _ in range(103)]

    first = stage.ask("GET", KEYS).json()["data"]
    second = stage.ask("GET", f"{KEYS}?offset=100").json()["data"]

    listed = first + second[:3]
    times = [one["created_at"] for one in listed]
    assert len(first) == 100
    assert sorted(one["hash"] for one in listed) == sorted(made)
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize(
    "query",
    [
        "offset=-1",
        "offset=",
        "offset=1.5",
        "offset=x",
        "offset=%D9%A3",
        "offset=1&offset=1",
        "offset=1000000000",
    ],
)
def test_an_offset_that_is_none_is_refused(stage: Stage, query: str) -> None:
    assert error(stage.ask("GET", f"{KEYS}?{query}")) == (400, "invalid_value", "offset")


@pytest.mark.parametrize(
    "query",
    ["offset=999999999", "offset=%39%39%39%39&include_disabled=true", "offset=000100000&" + "a=b&" * 500],
)
def test_other_parameters_and_other_spellings_change_nothing(stage: Stage, query: str) -> None:
    answer = stage.ask("GET", f"{KEYS}?{query}")

    assert (answer.status_code, answer.json()) == (200, {"data": []})


def test_a_change_leaves_the_rest_alone(stage: Stage) -> None:
    account = stage.new_account()
    fields: dict[str, Any] = {
        "limit": 2.5,
        "limit_reset": "weekly",
        "expires_at": "2999-01-01T00:00:00Z",
        "models": ["small"],
        "endpoints": ["embeddings"],
        "account": account,
    }
    public_id, _ = stage.new_key(**fields)
    before = stage.key(public_id)

    after = stage.ask("PATCH", f"{KEYS}/{public_id}", {}).json()["data"]

    assert after.pop("updated_at") >= before.pop("updated_at")
    assert after == before


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"name": "other"}, {"name": "other"}),
        ({"disabled": True}, {"disabled": True}),
        ({"limit": None}, {"limit": None, "limit_remaining": None}),
        ({"limit": 3}, {"limit": 3, "limit_remaining": 3}),
        ({"limit_reset": None}, {"limit_reset": None}),
        ({"limit_reset": "daily"}, {"limit_reset": "daily"}),
        ({"expires_at": None}, {"expires_at": None}),
        ({"models": None}, {"models": None}),
        ({"models": []}, {"models": []}),
        ({"endpoints": None}, {"endpoints": None}),
        ({"endpoints": []}, {"endpoints": []}),
        ({"endpoints": ["messages", "responses"]}, {"endpoints": ["responses", "messages"]}),
    ],
)
def test_a_change_changes_what_it_names_and_nothing_else(
    stage: Stage, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {
        "limit": 2.5,
        "limit_reset": "weekly",
        "expires_at": "2999-01-01T00:00:00Z",
        "models": ["small"],
        "endpoints": ["embeddings"],
    }
    public_id, _ = stage.new_key(**fields)
    before = stage.key(public_id)

    answer = stage.ask("PATCH", f"{KEYS}/{public_id}", change)

    after = answer.json()["data"]
    assert after == before | shown | {"updated_at": after["updated_at"]}
    assert stage.key(public_id) == after


@pytest.mark.parametrize(
    "change", ['{"account": null}', '{"name": null}', '{"disabled": null}', '{"limit": ""}']
)
def test_a_change_that_cannot_be_made_changes_nothing(stage: Stage, change: str) -> None:
    public_id, _ = stage.new_key(limit=1)
    before = stage.key(public_id)

    answer = stage.ask("PATCH", f"{KEYS}/{public_id}", change)

    assert answer.status_code == 400
    assert stage.key(public_id) == before
    assert stage.described.faults(
        stage.described.document["components"]["schemas"]["KeyChange"], json.loads(change)
    )


@pytest.mark.parametrize("public_id", ["x", "0" * 11, NO_ID, "00000000001", "%00", "é", "a" * 2000, ""])
def test_a_key_that_is_not_there_is_not_found(stage: Stage, public_id: str) -> None:
    path = f"{KEYS}/{public_id}"
    answers = [
        stage.ask("GET", path),
        stage.ask("PATCH", path, {}),
        stage.ask("DELETE", path),
        stage.ask("POST", f"{path}/rotate"),
    ]

    assert [error(answer) for answer in answers] == [(404, "key_not_found", None)] * 4


@pytest.mark.parametrize(
    "path",
    ["/", "/api", "/api/v1", "/api/v1/key", "/keys", f"{KEYS}/a/b", f"{KEYS}/a/rotate/", "/api/v1/audit/1"],
)
def test_what_is_not_there_is_not_found(stage: Stage, path: str) -> None:
    assert error(stage.ask("GET", path)) == (404, "not_found", None)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (KEYS, "GET, POST"),
        (f"{KEYS}/{NO_ID}", "DELETE, GET, PATCH"),
        (f"{KEYS}/{NO_ID}/rotate", "POST"),
        (ACCOUNTS, "GET, POST"),
        (f"{ACCOUNTS}/{NO_ID}", "GET, PATCH"),
        ("/api/v1/audit", "GET"),
        ("/metrics", "GET"),
        ("/openapi.json", "GET"),
        ("/health", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(stage: Stage, path: str, allowed: str) -> None:
    answer = stage.ask("PUT", path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_a_creation_is_never_replayed(stage: Stage) -> None:
    headers = {"idempotency-key": "one"}
    with stage.client() as client:
        answers = [client.post(KEYS, json={"name": "a"}, headers=headers) for _ in range(2)]

    assert len({answer.json()["key"] for answer in answers}) == 2
