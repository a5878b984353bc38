"""What may be asked of the key API, and what is shown for it."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway import credential
from reference_gateway.ledger.wire import Refused
from tests.reference_gateway.admin_stage import CHIEF, KEYS, Stage, admin_stage, error
from tests.reference_gateway.ledger_parts import done
from tests.reference_gateway.unhurried import UNHURRIED


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with admin_stage(tmp_path_factory.mktemp("bodies")) as stage:
        yield stage


def test_a_key_is_shown_once_and_nowhere_else(stage: Stage) -> None:
    public_id, key = stage.new_key(limit=1.25)
    secret = key.rpartition("_")[2]

    texts = [
        stage.ask("GET", f"{KEYS}/{public_id}").text,
        stage.ask("GET", KEYS).text,
        stage.ask("PATCH", f"{KEYS}/{public_id}", {"name": "yours"}).text,
        stage.ask("GET", "/api/v1/audit").text,
        stage.ask("GET", "/metrics").text,
        repr(stage.events),
        stage.ask("DELETE", f"{KEYS}/{public_id}").text,
    ]

    assert isinstance(stage.standing(key), Refused)
    assert len(secret) == 49
    assert all(secret[start : start + 6] not in text for text in texts for start in range(44))


def test_a_new_key_has_the_shape_that_clients_know(stage: Stage) -> None:
    account = stage.new_account()
    body = {
        "name": "mine",
        "limit": 1.25,
        "limit_reset": "monthly",
        "expires_at": "2999-01-01T02:00:00.5+02:00",
        "models": ["small", "large", "small"],
        "endpoints": ["models", "chat/completions"],
        "account": account,
    }

    answer = stage.ask("POST", KEYS, body)

    data = answer.json()["data"]
    assert answer.status_code == 201
    assert answer.json()["key"].startswith(data["label"] + "_")
    made = {name: data.pop(name) for name in ("hash", "label", "created_at", "updated_at")}
    assert made["label"] == f"rgw_live_{made['hash']}"
    assert made["created_at"] == made["updated_at"]
    assert data == {
        "name": "mine",
        "disabled": False,
        "limit": 1.25,
        "limit_remaining": 1.25,
        "limit_reset": "monthly",
        "usage": 0,
        "expires_at": "2999-01-01T00:00:00.500Z",
        "models": ["large", "small"],
        "endpoints": ["chat/completions", "models"],
        "account": account,
    }


def test_a_key_with_nothing_but_a_name_is_for_everything(stage: Stage) -> None:
    data = stage.key(stage.new_key()[0])

    nothing = ("limit", "limit_remaining", "limit_reset", "expires_at", "models", "endpoints", "account")
    assert [data[name] for name in nothing] == [None] * len(nothing)


# Body, code, field. The description's schema must say the same of each.
REFUSED: list[tuple[str, str, str | None]] = [
    ("{}", "invalid_value", "name"),
    ("[]", "invalid_value", None),
    ('"name"', "invalid_value", None),
    ('{"name": ""}', "invalid_value", "name"),
    ('{"name": 5}', "invalid_value", "name"),
    ('{"name": null}', "invalid_value", "name"),
    (json.dumps({"name": "a" * 101}), "invalid_value", "name"),
    (json.dumps({"name": "a\nb"}), "invalid_value", "name"),
    (json.dumps({"name": "ab\n"}), "invalid_value", "name"),
    (json.dumps({"name": "a\0"}), "invalid_value", "name"),
    ('{"name": "a", "limit": -1}', "invalid_value", "limit"),
    ('{"name": "a", "limit": "1"}', "invalid_value", "limit"),
    ('{"name": "a", "limit": true}', "invalid_value", "limit"),
    ('{"name": "a", "limit": 9000000001}', "invalid_value", "limit"),
    ('{"name": "a", "limit": 1e300}', "invalid_value", "limit"),
    ('{"name": "a", "limit": 0.0000000001}', "invalid_value", "limit"),
    ('{"name": "a", "limit": [1]}', "invalid_value", "limit"),
    ('{"name": "a", "limit": {}}', "invalid_value", "limit"),
    ('{"name": "a", "limit_reset": "hourly"}', "invalid_value", "limit_reset"),
    ('{"name": "a", "limit_reset": "` - at `$.name"}', "invalid_value", "limit_reset"),
    ('{"name": "a", "expires_at": 5}', "invalid_value", "expires_at"),
    ('{"name": "a", "models": "small"}', "invalid_value", "models"),
    ('{"name": "a", "models": ["other"]}', "invalid_value", "models"),
    ('{"name": "a", "models": ["small", 1]}', "invalid_value", "models"),
    ('{"name": "a", "endpoints": ["key"]}', "invalid_value", "endpoints"),
    ('{"name": "a", "endpoints": ["CHAT"]}', "invalid_value", "endpoints"),
    ('{"name": "a", "account": "short"}', "invalid_value", "account"),
    ('{"name": "a", "account": 1}', "invalid_value", "account"),
    ('{"name": "a", "disabled": true}', "unknown_field", None),
    ('{"name": "a", "unknown": 1}', "unknown_field", None),
    ('{"name": "a", "` - at `$.limit`": 1}', "unknown_field", None),
]


@pytest.mark.parametrize(("body", "code", "param"), REFUSED)
def test_a_new_key_that_is_not_understood_is_refused_as_described(
    stage: Stage, body: str, code: str, param: str | None
) -> None:
    asked = stage.described.document["components"]["schemas"]["KeyCreation"]

    answer = stage.ask("POST", KEYS, body)

    assert error(answer) == (400, code, param)
    assert stage.described.faults(asked, json.loads(body))


@pytest.mark.parametrize(
    "moment",
    [
        "2030-01-01T00:00:00",
        "2030-01-01",
        "2030-02-30T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "9999-12-31T23:59:59.9999999Z",
    ],
)
def test_a_moment_that_is_none_is_refused(stage: Stage, moment: str) -> None:
    answer = stage.ask("POST", KEYS, {"name": "a", "expires_at": moment})

    assert error(answer) == (400, "invalid_value", "expires_at")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"name": "a",}',
        b'{"name": "a"} {}',
        b'{"name": "a", "limit": NaN}',
        b'{"name": "a", "limit": Infinity}',
        b'{"name": "a", "limit": 01}',
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": "a", "limit": ' + b"[" * 30_000,
        b'{"name": "a", "other": ' + b'{"a":' * 10_000,
        b'{"name":' * 8_000,
    ],
)
def test_what_is_no_json_is_refused(stage: Stage, body: bytes) -> None:
    answer = stage.ask("POST", KEYS, body)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] in ("invalid_json", "invalid_value", "unknown_field")


def test_the_last_of_duplicate_fields_counts(stage: Stage) -> None:
    answer = stage.ask("POST", KEYS, '{"name": "first", "limit": 1, "name": "last", "limit": 2}')

    data = answer.json()["data"]
    assert (data["name"], data["limit"]) == ("last", 2)


def number_of(public_id: str) -> int:
    number = credential.parse_public_id(public_id)
    assert number is not None
    return number


@given(st.integers(0, 9 * 10**18), st.sampled_from(["f", "E"]))
@UNHURRIED
def test_a_limit_is_exact_to_the_nano_dollar(stage: Stage, nano: int, notation: str) -> None:
    limit = Decimal(nano).scaleb(-9)

    answer = stage.ask("POST", KEYS, f'{{"name": "a", "limit": {limit:{notation}}}}')

    shown = json.loads(answer.text, parse_float=Decimal, parse_int=Decimal)["data"]
    kept = done(stage.book.get(number_of(shown["hash"])))
    assert shown["limit"] == shown["limit_remaining"] == limit
    assert kept is not None
    assert kept.limit == nano


def test_a_body_that_is_too_large_or_not_plain_json_is_refused(stage: Stage) -> None:
    plain = {"content-type": "application/json"}
    with stage.client() as client:
        answers = [
            client.post(KEYS, content=b" " * 65_537, headers=plain),
            client.post(KEYS, content=iter([b" " * 40_000, b" " * 40_000]), headers=plain),
            client.post(KEYS, content=b"{}", headers={"content-type": "text/plain"}),
            client.post(KEYS, content=b"{}"),
            client.post(KEYS, content=b"{}", headers={**plain, "content-encoding": "gzip"}),
        ]

    assert [error(answer)[:2] for answer in answers] == [
        (413, "body_too_large"),
        (413, "body_too_large"),
        (415, "unsupported_media_type"),
        (415, "unsupported_media_type"),
        (415, "unsupported_encoding"),
    ]


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    head = (
        f"POST {KEYS} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {CHIEF}\r\ncontent-length: 100\r\n\r\n"
    )

    with admin_stage(tmp_path, "[bounds]\nbody_seconds = 0.2\n") as stage:
        answer = stage.exchange(head.encode() + b'{"name":')

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"request_timeout" in answer


def test_nothing_that_was_typed_comes_back_in_an_error(stage: Stage) -> None:
    canary = "zebra7351"
    bodies = [
        {"name": "a", canary: 1},
        {"name": "a", "limit": canary},
        {"name": "a", "limit_reset": canary},
        {"name": "a", "models": [canary]},
        {"name": "a", "endpoints": [canary]},
        {"name": "a", "account": canary},
        canary,
    ]
    answers = [stage.ask("POST", KEYS, body) for body in bodies]
    answers += [
        stage.ask("GET", f"{KEYS}/{canary}"),
        stage.ask("GET", f"{KEYS}?offset={canary}"),
        stage.ask("GET", f"/{canary}"),
        stage.ask("GET", KEYS, token=canary),
    ]

    assert all(400 <= answer.status_code < 500 for answer in answers)
    assert all(canary not in answer.text + str(answer.headers) for answer in answers)
