"""Who may do what on the admin plane, and what is written down of those who may not."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_gateway.admin.access import Access
from reference_gateway.admin.metrics import Metrics
from reference_gateway.config_file import Role
from reference_gateway.ledger.accounts import Accounts, Act
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.web.asgi import Message, Request
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway.admin_stage import (
    ACCOUNTS,
    AUDIT,
    CHIEF,
    ISSUER,
    KEYS,
    NO_ID,
    TOKENS,
    WATCHER,
    Stage,
    admin_stage,
)
from tests.reference_gateway.ledger_parts import Desk, done, in_memory

KEY, ACCOUNT = f"{KEYS}/{NO_ID}", f"{ACCOUNTS}/{NO_ID}"
# Method and path, then the status for the roles admin, keys and viewer. Bodies are empty where there is one, so
# that whoever may do it is told 400 or 404.
ACTS = {
    ("GET", KEYS): (200, 200, 200),
    ("POST", KEYS): (400, 400, 403),
    ("GET", KEY): (404, 404, 404),
    ("PATCH", KEY): (404, 404, 403),
    ("DELETE", KEY): (404, 404, 403),
    ("POST", f"{KEY}/rotate"): (404, 404, 403),
    ("GET", ACCOUNTS): (200, 403, 200),
    ("POST", ACCOUNTS): (400, 403, 403),
    ("GET", ACCOUNT): (404, 403, 404),
    ("PATCH", ACCOUNT): (404, 403, 403),
    ("GET", AUDIT): (200, 403, 200),
    ("GET", "/metrics"): (200, 200, 200),
    ("GET", "/openapi.json"): (200, 200, 200),
}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with admin_stage(tmp_path_factory.mktemp("roles")) as stage:
        yield stage


@pytest.mark.parametrize("act", ACTS, ids=" ".join)
def test_each_role_may_do_what_it_is_for(stage: Stage, act: tuple[str, str]) -> None:
    method, path = act

    answers = [stage.ask(method, path, {}, token) for token in (CHIEF, ISSUER, WATCHER)]

    assert tuple(answer.status_code for answer in answers) == ACTS[act]


def test_the_table_of_acts_is_whole(stage: Stage) -> None:
    described = {
        (method.upper(), path.replace("{id}", NO_ID))
        for path, item in stage.described.document["paths"].items()
        for method in item
        if method != "parameters"
    }

    assert described == ACTS.keys() | {("GET", "/health")}


@pytest.mark.parametrize("act", ACTS, ids=" ".join)
@pytest.mark.parametrize("token", ["wrong", CHIEF[:-1], CHIEF + "x", CHIEF.lower(), ""])
def test_what_is_no_credential_may_do_nothing(stage: Stage, act: tuple[str, str], token: str) -> None:
    method, path = act
    answer = stage.exchange(
        f"{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n".encode()
    )

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"invalid_api_key" in answer
    assert b"\r\nwww-authenticate: Bearer\r\n" in answer


@pytest.mark.parametrize(
    "headers",
    [
        "",
        f"authorization: Basic {CHIEF}\r\n",
        f"authorization: {CHIEF}\r\n",
        f"x-api-key: {CHIEF}\r\n",
        f"authorization: Bearer {CHIEF}\r\nauthorization: Bearer {CHIEF}\r\n",
    ],
)
@pytest.mark.parametrize("act", ACTS, ids=" ".join)
def test_a_credential_is_one_bearer_token(stage: Stage, act: tuple[str, str], headers: str) -> None:
    method, path = act
    answer = stage.exchange(
        f"{method} {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{headers}\r\n".encode()
    )

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"missing_api_key" in answer


def test_bytes_that_are_no_text_are_no_credential(stage: Stage) -> None:
    head = f"GET {KEYS} HTTP/1.1\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer ".encode()

    assert stage.exchange(head + b"\xff\xfe\xc3\xa9\r\n\r\n").startswith(b"HTTP/1.1 401 ")


def test_an_api_key_is_no_administrator(stage: Stage) -> None:
    _, key = stage.new_key()

    assert stage.ask("GET", KEYS, token=key).status_code == 401


def test_health_is_for_everybody(stage: Stage) -> None:
    answer = stage.ask("GET", "/health", token=None)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_refusals_are_written_down_by_the_name_of_the_credential(tmp_path: Path) -> None:
    with admin_stage(tmp_path) as stage:
        stage.ask("GET", KEYS, token="nobody")
        stage.ask("GET", ACCOUNTS, token=ISSUER)
        stage.ask("POST", KEYS, {"name": "a"}, token=WATCHER)
        stage.ask("GET", KEYS, token=None)

        lines = stage.audit()

    assert [(line["act"], line["actor"], line["subject"]) for line in lines] == [
        ("refused_credential", "", None),
        ("refused_role", "issuer", None),
        ("refused_role", "watcher", None),
    ]


def test_a_flood_of_refusals_does_not_grow_the_log_without_bound(tmp_path: Path) -> None:
    with admin_stage(tmp_path) as stage:
        with stage.client("nobody") as nobody, stage.client(WATCHER) as watcher:
            statuses = {nobody.get(KEYS).status_code for _ in range(60)}
            statuses |= {watcher.delete(KEY).status_code for _ in range(30)}

        lines = stage.audit()
        refused = [
            stage.metric(f'gateway_admin_refusals_total{{reason="{reason}"}}')
            for reason in ("credential", "role")
        ]

    assert statuses == {401, 403}
    # A minute may have passed on a machine that is this slow; then there is one line more.
    assert 10 <= sum(line["act"] == "refused_credential" for line in lines) <= 12
    assert 10 <= sum(line["act"] == "refused_role" for line in lines) <= 12
    assert refused == [60, 30]


# --- over time ---------------------------------------------------------------------------------------------


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def presenting(token: str) -> Request:
    return Request(
        method="GET",
        path=KEYS,
        query=b"",
        headers=((b"authorization", b"Bearer " + token.encode()),),
        receive=_nothing,
        request_id=0,
    )


def refused(access: Access, token: str) -> Fault:
    with pytest.raises(RefusalError) as caught:
        done(access.granted(presenting(token), {Role.ADMIN}))
    return caught.value.fault


def noted(accounts: Accounts) -> list[tuple[Act, str]]:
    return [(entry.act, entry.actor) for entry in done(accounts.audit(0, 1000))]


def test_after_ten_lines_there_is_one_a_minute_for_each_kind() -> None:
    book = Desk(in_memory(SqliteStorage)).book
    now = [0.0]
    access = Access(TOKENS, book, Metrics(), clock=lambda: now[0])

    for _ in range(20):
        refused(access, "nobody")
    for now[0] in (59.0, 60.0, 61.0, 119.0, 120.5):
        refused(access, "nobody")
    burst = noted(book)
    for _ in range(20):
        refused(access, ISSUER)
    now[0] = 100_000.0
    for _ in range(20):
        refused(access, WATCHER)
        refused(access, "nobody")

    assert burst == [(Act.REFUSED_CREDENTIAL, "")] * 12
    lines = noted(book)[12:]
    assert {line: lines.count(line) for line in lines} == {
        (Act.REFUSED_ROLE, "issuer"): 10,
        (Act.REFUSED_ROLE, "watcher"): 10,
        (Act.REFUSED_CREDENTIAL, ""): 10,
    }


@pytest.mark.parametrize(("name", "token"), [("chief", CHIEF), ("second", "s" + "3dJ" * 13)])
def test_every_credential_is_known_whichever_place_it_has(name: str, token: str) -> None:
    tokens = [*TOKENS, ("second", Role.ADMIN, "s" + "3dJ" * 13)]
    access = Access(tokens, Desk(in_memory(SqliteStorage)).book, Metrics())

    assert done(access.granted(presenting(token), {Role.ADMIN})) == name


def test_no_token_is_kept() -> None:
    access = Access(TOKENS, Desk(in_memory(SqliteStorage)).book, Metrics())

    assert refused(access, WATCHER) is Fault.WEAK_ROLE
    assert b"chief" in pickle.dumps(access._credentials)
    assert all(token.encode() not in pickle.dumps(access._credentials) for _, _, token in TOKENS)
