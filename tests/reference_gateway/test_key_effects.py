"""What keys and accounts are to the ledger. What their ends do to calls under way is tested on the whole gateway."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from reference_gateway.ledger.wire import Endpoint, Held, Refused, Standing, Why
from tests.reference_gateway.admin_stage import ACCOUNTS, KEYS, NO_ID, Stage, admin_stage, error

UNUSABLE = Refused(Why.KEY_UNUSABLE)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with admin_stage(tmp_path_factory.mktemp("effects")) as stage:
        yield stage


def end(stage: Stage, public_id: str, how: str) -> httpx.Response:
    path = f"{KEYS}/{public_id}"
    match how:
        case "deleted":
            return stage.ask("DELETE", path)
        case "rotated":
            return stage.ask("POST", f"{path}/rotate")
        case "expired":
            return stage.ask("PATCH", path, {"expires_at": "2020-01-01T00:00:00Z"})
        case _:
            return stage.ask("PATCH", path, {"disabled": True})


@pytest.mark.parametrize("how", ["disabled", "deleted", "rotated", "expired"])
def test_a_key_that_was_ended_is_dead_at_once(stage: Stage, how: str) -> None:
    public_id, key = stage.new_key()
    before = stage.standing(key)

    ended = end(stage, public_id, how)

    assert isinstance(before, Standing)
    assert ended.status_code == 200
    assert stage.standing(key) == UNUSABLE


def test_a_rotated_key_keeps_its_limit_and_usage(stage: Stage) -> None:
    public_id, key = stage.new_key(limit=1)
    stage.spend(key)
    before = stage.key(public_id)

    fresh = stage.ask("POST", f"{KEYS}/{public_id}/rotate").json()

    assert fresh["key"] != key
    assert fresh["data"] | {"updated_at": before["updated_at"]} == before
    assert before["usage"] > 0
    assert before["limit_remaining"] == 1 - before["usage"]
    assert isinstance(stage.standing(fresh["key"]), Standing)


def test_a_deleted_key_is_gone(stage: Stage) -> None:
    public_id, _ = stage.new_key()

    deleted = end(stage, public_id, "deleted")

    assert deleted.json() == {"deleted": True}
    assert public_id not in stage.ask("GET", KEYS).text
    assert error(stage.ask("GET", f"{KEYS}/{public_id}"))[:2] == (404, "key_not_found")


def test_a_disabled_key_can_be_enabled_again(stage: Stage) -> None:
    public_id, key = stage.new_key()
    end(stage, public_id, "disabled")

    stage.ask("PATCH", f"{KEYS}/{public_id}", {"disabled": False})

    assert isinstance(stage.standing(key), Standing)


def test_a_scope_is_the_ledgers_scope(stage: Stage) -> None:
    public_id, key = stage.new_key(endpoints=["chat/completions"], models=["large"], limit=1)

    assert isinstance(stage.standing(key, Endpoint.CHAT), Standing)
    assert stage.standing(key, Endpoint.MESSAGES) == Refused(Why.OUT_OF_SCOPE)
    assert stage.standing(key, Endpoint.MODELS) == Refused(Why.OUT_OF_SCOPE)
    assert stage.reserve(key, model=0) == Refused(Why.OUT_OF_SCOPE)

    stage.ask("PATCH", f"{KEYS}/{public_id}", {"endpoints": None, "models": ["small"]})

    assert isinstance(stage.standing(key, Endpoint.MESSAGES), Standing)
    assert isinstance(stage.reserve(key, model=0), Held)


def test_an_account_has_a_limit_above_its_keys(stage: Stage) -> None:
    account = stage.new_account(limit=0.000_001)
    _, key = stage.new_key(account=account, limit=1)

    assert stage.reserve(key) == Refused(Why.ACCOUNT_LIMIT)

    stage.ask("PATCH", f"{ACCOUNTS}/{account}", {"limit": 1})
    stage.spend(key)

    shown = stage.ask("GET", f"{ACCOUNTS}/{account}").json()["data"]
    assert shown["usage"] > 0
    assert shown["limit_remaining"] == 1 - shown["usage"]


def test_a_disabled_account_stops_its_keys(stage: Stage) -> None:
    account = stage.new_account()
    _, key = stage.new_key(account=account)

    stage.ask("PATCH", f"{ACCOUNTS}/{account}", {"disabled": True})
    disabled = stage.standing(key)
    stage.ask("PATCH", f"{ACCOUNTS}/{account}", {"disabled": False})

    assert disabled == UNUSABLE
    assert isinstance(stage.standing(key), Standing)


def test_a_change_of_an_account_leaves_the_rest_alone(stage: Stage) -> None:
    account = stage.new_account(limit=2.5, limit_reset="daily")
    before = stage.ask("GET", f"{ACCOUNTS}/{account}").json()["data"]

    after = stage.ask("PATCH", f"{ACCOUNTS}/{account}", {"name": "other", "limit_reset": None}).json()["data"]

    assert after == before | {"name": "other", "limit_reset": None, "updated_at": after["updated_at"]}
    assert after in stage.ask("GET", ACCOUNTS).json()["data"]


def test_accounts_are_listed_newest_first_in_pages(stage: Stage) -> None:
    made = {stage.new_account() for _ in range(2)}

    listed = [one["id"] for one in stage.ask("GET", ACCOUNTS).json()["data"]]
    skipped = [one["id"] for one in stage.ask("GET", f"{ACCOUNTS}?offset=1").json()["data"]]

    assert set(listed[:2]) == made
    assert skipped == listed[1:]


@pytest.mark.parametrize("public_id", ["x", NO_ID, "00000000001"])
def test_an_account_that_is_not_there_is_not_found(stage: Stage, public_id: str) -> None:
    answers = [
        stage.ask("GET", f"{ACCOUNTS}/{public_id}"),
        stage.ask("PATCH", f"{ACCOUNTS}/{public_id}", {}),
    ]

    assert [error(answer) for answer in answers] == [(404, "account_not_found", None)] * 2


@pytest.mark.parametrize("public_id", [NO_ID, "00000000001"])
def test_no_key_is_made_in_an_account_that_is_not_there(stage: Stage, public_id: str) -> None:
    answer = stage.ask("POST", KEYS, {"name": "lost", "account": public_id})

    assert error(answer) == (404, "account_not_found", "account")
    assert "lost" not in stage.ask("GET", KEYS).text


@pytest.mark.parametrize("body", ["{}", '{"name": "a", "limit": -1}', '{"name": "a", "models": null}', "5"])
def test_a_new_account_that_is_not_understood_is_refused_as_described(stage: Stage, body: str) -> None:
    asked = stage.described.document["components"]["schemas"]["AccountCreation"]

    assert stage.ask("POST", ACCOUNTS, body).status_code == 400
    assert stage.described.faults(asked, json.loads(body))


def test_a_ledger_that_fails_is_said_and_nothing_is_promised(tmp_path: Path) -> None:
    with admin_stage(tmp_path) as stage:
        public_id, key = stage.new_key()
        stage.storage.broken = True
        path = f"{KEYS}/{public_id}"
        answers = [
            stage.ask("GET", KEYS),
            stage.ask("POST", KEYS, {"name": "a"}),
            stage.ask("GET", path),
            stage.ask("PATCH", path, {"disabled": True}),
            stage.ask("DELETE", path),
            stage.ask("POST", f"{path}/rotate"),
            stage.ask("GET", ACCOUNTS),
            stage.ask("POST", ACCOUNTS, {"name": "a"}),
            stage.ask("GET", "/api/v1/audit"),
        ]
        health = stage.ask("GET", "/health", token=None)
        counted = stage.metric('gateway_events_total{event="ledger_fault"}')
        refused = stage.ask("GET", KEYS, token="x" * 40)
        stage.storage.broken = False

        well = stage.ask("GET", "/health", token=None)
        standing = stage.standing(key)

    assert {error(answer)[:2] for answer in answers} == {(503, "ledger_unavailable")}
    assert (health.status_code, health.json()) == (503, {"status": "no ledger"})
    assert counted == len(answers) + 1
    assert refused.status_code == 401
    assert (well.status_code, well.json()) == (200, {"status": "ok"})
    assert isinstance(standing, Standing)
