"""The audit log as a stranger sees it: every act is there, no secret is, and the chain can be recomputed."""

import hashlib
import json
import string
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.reference_gateway.admin_stage import (
    ACCOUNTS,
    AUDIT,
    CHIEF,
    ISSUER,
    KEYS,
    WATCHER,
    Stage,
    admin_stage,
)

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with admin_stage(tmp_path_factory.mktemp("audit")) as stage:
        yield stage


def number_of(subject: str | None) -> int:
    number = 0
    for digit in subject or "":
        number = number * 62 + DIGITS.index(digit)
    return number


def links(lines: list[dict[str, Any]]) -> list[str]:
    """The recipe of the description, from nothing but what is shown."""
    link, made = bytes(32), []
    for line in lines:
        integers = struct.pack(">qqqq", line["number"], line["at"], line["code"], number_of(line["subject"]))
        link = hashlib.sha256(link + integers + line["actor"].encode()).digest()
        made.append(link.hex())
    return made


def test_every_act_is_written_down_with_who_did_it_and_to_what(stage: Stage) -> None:
    before = len(stage.audit())
    account = stage.new_account()
    stage.ask("PATCH", f"{ACCOUNTS}/{account}", {"name": "b"})
    key = stage.ask("POST", KEYS, {"name": "a"}, ISSUER).json()["data"]["hash"]
    stage.ask("PATCH", f"{KEYS}/{key}", {"name": "b"}, ISSUER)
    stage.ask("POST", f"{KEYS}/{key}/rotate")
    stage.ask("DELETE", f"{KEYS}/{key}")

    lines = stage.audit()[before:]

    assert [(line["act"], line["actor"], line["subject"]) for line in lines] == [
        ("account_created", "chief", account),
        ("account_changed", "chief", account),
        ("key_created", "issuer", key),
        ("key_changed", "issuer", key),
        ("key_rotated", "chief", key),
        ("key_deleted", "chief", key),
    ]


def test_what_did_not_happen_is_not_written_down(stage: Stage) -> None:
    before = stage.audit()

    stage.ask("POST", KEYS, {"name": ""})
    stage.ask("POST", KEYS, {"name": "a", "account": "zzzzzzzzzzz"})
    stage.ask("PATCH", f"{KEYS}/zzzzzzzzzzz", {})
    stage.ask("DELETE", f"{KEYS}/00000000001")
    stage.ask("PATCH", f"{ACCOUNTS}/00000000001", {})
    stage.ask("GET", KEYS)

    assert stage.audit() == before


def test_a_stranger_can_recompute_the_chain(stage: Stage) -> None:
    for _ in range(120):
        stage.new_key()
    stage.ask("GET", ACCOUNTS, token=ISSUER)

    lines = stage.audit()

    assert len(lines) > 120
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    assert links(lines) == [line["link"] for line in lines]


@pytest.mark.parametrize("field", ["at", "actor", "code", "subject"])
def test_a_line_that_was_changed_breaks_the_chain_from_there_on(stage: Stage, field: str) -> None:
    stage.new_key()
    stage.new_key()
    lines = stage.audit()
    other = {"at": 1, "actor": "somebody", "code": 6, "subject": "00000000001"}

    forged = [*lines[:-2], lines[-2] | {field: other[field]}, lines[-1]]

    wrong = [ours != line["link"] for ours, line in zip(links(forged), forged, strict=True)]
    assert wrong == [False] * (len(lines) - 2) + [True, True]


def test_the_log_is_read_in_pages(stage: Stage) -> None:
    for _ in range(3):
        stage.new_key()
    lines = stage.audit()
    last = len(lines)

    assert stage.audit(last - 2) == lines[-2:]
    assert stage.ask("GET", f"{AUDIT}?after={last}").json() == {"data": []}
    assert stage.ask("GET", f"{AUDIT}?after={'9' * 18}").json() == {"data": []}


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=", f"after={'9' * 19}", "after=1&after=2"])
def test_a_number_that_is_none_is_refused(stage: Stage, query: str) -> None:
    answer = stage.ask("GET", f"{AUDIT}?{query}")

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "after")


def test_no_secret_and_no_name_of_a_key_is_in_the_log(stage: Stage) -> None:
    public_id, key = stage.new_key(name="a name to remember")
    fresh = stage.ask("POST", f"{KEYS}/{public_id}/rotate").json()["key"]

    text = json.dumps(stage.audit())

    tails = [one.rpartition("_")[2] for one in (key, fresh)]
    assert all(part not in text for part in (*tails, CHIEF, ISSUER, WATCHER, "a name to remember"))
