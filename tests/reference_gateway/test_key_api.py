import json
from typing import Any

import httpx
import pytest

from reference_gateway import credential
from tests.reference_gateway.gateway import ADMIN_TOKEN, RunningGateway, chat

KEYS = "/api/v1/keys"
JSON = {"content-type": "application/json"}


def create(gateway: RunningGateway, body: str) -> httpx.Response:
    with gateway.admin() as admin:
        return admin.post(KEYS, content=body, headers=JSON)


def test_a_key_is_shown_once_and_nowhere_else(gateway: RunningGateway) -> None:
    answer = create(gateway, '{"name": "mine", "limit": 1.25}').json()
    public_id, key = answer["data"]["hash"], answer["key"]
    secret = key[len("rgw_") + 12 :]

    with gateway.admin() as admin, gateway.client(key) as own:
        texts = [
            admin.get(f"{KEYS}/{public_id}").text,
            admin.get(KEYS).text,
            admin.patch(f"{KEYS}/{public_id}", json={"name": "yours"}).text,
            own.get("/api/v1/key").text,
            own.get("/v1/models").text,
        ]

    assert credential.parse(key) is not None
    assert all(secret[start : start + 6] not in text for text in texts for start in range(len(secret) - 5))


def test_a_new_key_has_the_shape_that_clients_know(gateway: RunningGateway) -> None:
    answer = create(gateway, '{"name": "mine", "limit": 1.25, "expires_at": "2999-01-01T00:00:00Z"}')

    data = answer.json()["data"]
    assert answer.status_code == 201
    assert data["label"] == "rgw_" + data["hash"]
    assert {
        name: data[name] for name in ("name", "disabled", "limit", "limit_remaining", "usage", "limit_reset")
    } == {
        "name": "mine",
        "disabled": False,
        "limit": 1.25,
        "limit_remaining": 1.25,
        "usage": 0,
        "limit_reset": None,
    }
    assert data["expires_at"] == "2999-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[]",
        "{",
        '{"name": ""}',
        '{"name": 5}',
        json.dumps({"name": "a" * 101}),
        json.dumps({"name": "a\nb"}),
        '{"name": "a", "limit": -1}',
        '{"name": "a", "limit": "1"}',
        '{"name": "a", "limit": true}',
        '{"name": "a", "limit": NaN}',
        '{"name": "a", "limit": 1e10}',
        '{"name": "a", "limit": 0.0000000001}',
        '{"name": "a", "limit": [1]}',
        '{"name": "a", "limit_reset": "hourly"}',
        '{"name": "a", "expires_at": "2030-01-01T00:00:00"}',
        '{"name": "a", "expires_at": 5}',
        '{"name": "a", "unknown": 1}',
    ],
)
def test_a_new_key_that_is_not_understood_is_refused(gateway: RunningGateway, body: str) -> None:
    answer = create(gateway, body)

    assert answer.status_code == 400
    assert "key" not in answer.json()


@pytest.mark.parametrize("token", [None, "wrong", ADMIN_TOKEN[:-1], ADMIN_TOKEN + "x", "é"])
def test_keys_are_the_administrators(gateway: RunningGateway, token: str | None) -> None:
    with gateway.client() as client:
        headers = {b"authorization": f"Bearer {token}".encode()} if token is not None else {}
        answers = [client.request(method, KEYS, headers=headers) for method in ("GET", "POST")]

    assert [answer.status_code for answer in answers] == [401, 401]


def test_an_api_key_is_no_administrator_and_the_administrator_no_caller(gateway: RunningGateway) -> None:
    _, key = gateway.new_key()

    with gateway.client(key) as caller, gateway.admin() as admin:
        assert caller.get(KEYS).status_code == 401
        assert admin.post("/v1/chat/completions", json=chat()).status_code == 401


def test_keys_are_listed_newest_first_in_pages(gateway: RunningGateway) -> None:
    made = [gateway.new_key()[0] for _ in range(3)]

    with gateway.admin() as admin:
        first = [one["hash"] for one in admin.get(KEYS).json()["data"]]
        second = [one["hash"] for one in admin.get(KEYS, params={"offset": 1}).json()["data"]]
        wrong = admin.get(KEYS, params={"offset": "-1"})

    assert first[:3] == made[::-1]
    assert second[:2] == made[1::-1]
    assert wrong.status_code == 400


def test_a_change_leaves_the_rest_alone(gateway: RunningGateway) -> None:
    public_id, _ = gateway.new_key("2.5", limit_reset="weekly")

    with gateway.admin() as admin:
        data = admin.patch(f"{KEYS}/{public_id}", json={"limit": None}).json()["data"]

    assert (data["name"], data["limit"], data["limit_remaining"], data["limit_reset"]) == (
        "a key",
        None,
        None,
        "weekly",
    )


@pytest.mark.parametrize("public_id", ["x", "0" * 11, "zzzzzzzzzzz", "00000000001", "../keys", "%00"])
def test_a_key_that_is_not_there_is_not_found(gateway: RunningGateway, public_id: str) -> None:
    with gateway.admin() as admin:
        answers = [admin.request(method, f"{KEYS}/{public_id}", json={}) for method in ("PATCH", "DELETE")]

    assert {answer.status_code for answer in answers} <= {404, 405}


def ended_by(gateway: RunningGateway, public_id: str, how: str) -> httpx.Response:
    with gateway.admin() as admin:
        actions: dict[str, Any] = {
            "disabled": lambda: admin.patch(f"{KEYS}/{public_id}", json={"disabled": True}),
            "deleted": lambda: admin.delete(f"{KEYS}/{public_id}"),
            "rotated": lambda: admin.post(f"{KEYS}/{public_id}/rotate"),
            "expired": lambda: admin.patch(
                f"{KEYS}/{public_id}", json={"expires_at": "2020-01-01T00:00:00Z"}
            ),
        }
        answer: httpx.Response = actions[how]()
    return answer


@pytest.mark.parametrize("how", ["disabled", "deleted", "rotated", "expired"])
def test_a_key_that_was_ended_is_dead_at_once(gateway: RunningGateway, how: str) -> None:
    public_id, key = gateway.new_key()
    with gateway.client(key) as caller:
        before = caller.post("/v1/chat/completions", json=chat()).status_code

        ended = ended_by(gateway, public_id, how)

        after = [
            caller.post("/v1/chat/completions", json=chat()),
            caller.get("/v1/models"),
            caller.get("/api/v1/key"),
        ]
    assert (before, ended.status_code) == (200, 200)
    assert [answer.status_code for answer in after] == [401, 401, 401]


def test_a_rotated_key_keeps_its_limit_and_usage(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key("1")
    with gateway.client(key) as caller:
        caller.post("/v1/chat/completions", json=chat(max_tokens=5))
    used = gateway.account(public_id)["usage"]

    fresh = ended_by(gateway, public_id, "rotated").json()

    with gateway.client(fresh["key"]) as caller:
        assert caller.get("/api/v1/key").json()["data"]["usage"] == used > 0
    assert fresh["data"]["hash"] == public_id


def test_a_deleted_key_is_gone(gateway: RunningGateway) -> None:
    public_id, _ = gateway.new_key()

    deleted = ended_by(gateway, public_id, "deleted")

    with gateway.admin() as admin:
        assert deleted.json() == {"deleted": True}
        assert admin.get(f"{KEYS}/{public_id}").status_code == 404
        assert admin.post(f"{KEYS}/{public_id}/rotate").status_code == 404
        assert admin.delete(f"{KEYS}/{public_id}").status_code == 404
        assert public_id not in admin.get(KEYS).text


def test_a_disabled_key_can_be_enabled_again(gateway: RunningGateway) -> None:
    public_id, key = gateway.new_key()
    ended_by(gateway, public_id, "disabled")

    with gateway.admin() as admin:
        admin.patch(f"{KEYS}/{public_id}", json={"disabled": False})

    with gateway.client(key) as caller:
        assert caller.get("/api/v1/key").json()["data"]["disabled"] is False
