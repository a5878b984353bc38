"""Accounts from which several keys spend, as a dialect describes them: made, limited, left behind and cleared."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.dialects.grammar import Dialect
from conformance.dialects.shipped import shipped
from conformance.dialects.sound import complaint
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble
from conformance.evidence.journal import leftovers
from conformance.model.money import from_usd
from tests.dialects.key_server import KeyServer, Said, serving
from tests.dialects.test_key_api import DIALECT, play, trouble

_ONE = {"method": "POST", "path": "/accounts/{account}"}
ACCOUNTS: dict[str, Any] = {
    "create_account": {
        "calls": [
            {
                "method": "POST",
                "path": "/accounts",
                "body": {"name": "{name}", "limit": "{limit}"},
                "capture": {"account": "/id"},
            }
        ]
    },
    "create_in_account": {
        "calls": [
            {
                "method": "POST",
                "path": "/keys",
                "body": {"name": "{name}", "account": "{account}"},
                "capture": {"secret": "/key", "id": "/id"},
            }
        ]
    },
    "set_account_limit": {"calls": [_ONE | {"method": "PATCH", "body": {"limit": "{limit}"}}]},
    "remove_account": {"calls": [_ONE | {"method": "DELETE"}]},
    "remove_owner": {"calls": [{"method": "DELETE", "path": "/owners/{id}"}]},
}


def _server() -> tuple[KeyServer, list[tuple[str, str, Any]]]:
    """A key API with accounts, and what it was asked about them."""
    asked: list[tuple[str, str, Any]] = []

    def before(method: str, path: str, body: Any) -> Said | None:
        if not path.startswith("/accounts"):
            return None
        asked.append((method, path, body and {name: body[name] for name in body if name != "name"}))
        return Said(200, {"id": "acc-1"})

    return KeyServer(before=before), asked


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal of the scene is written."""
    return tmp_path / "journal.jsonl"


def test_keys_of_an_account_are_made_and_ended_without_it_and_it_is_removed_in_the_end(journal: Path) -> None:
    async def scene(api: KeyApi) -> tuple[Key, Key]:
        account = await api.create_account("account", from_usd("0.05"))
        key = await api.create("shared", account=account.variables)
        await api.set_limit(account, from_usd("0.07"))
        await api.revoke(key)  # its owner is not its own: it stays
        await api.revoke(account)
        return account, key

    server, asked = _server()
    with serving(server):
        account, key = play(server, journal, scene, per_usd=100, **ACCOUNTS)
        assert server.keys == {}

    assert (account.secret, account.limit, key.variables["account"]) == ("", from_usd("0.05"), "acc-1")
    assert asked == [
        ("POST", "/accounts", {"limit": 5}),
        ("PATCH", "/accounts/acc-1", {"limit": 7}),
        ("DELETE", "/accounts/acc-1", None),
    ]
    assert leftovers(journal) == ()


def test_an_account_that_is_left_behind_is_cleared(journal: Path) -> None:
    async def scene(api: KeyApi) -> None:
        await api.create_account("account", from_usd("1"))
        for left in leftovers(journal):
            await api.clear(left)

    server, asked = _server()
    with serving(server):
        play(server, journal, scene, **ACCOUNTS)

    assert asked[-1] == ("DELETE", "/accounts/acc-1", None)
    assert leftovers(journal) == ()


def test_an_account_that_cannot_be_removed_is_no_leftover(journal: Path) -> None:
    async def scene(api: KeyApi) -> None:
        await api.revoke(await api.create_account("account", from_usd("1")))

    server, asked = _server()
    without = {name: told for name, told in ACCOUNTS.items() if name != "remove_account"}
    with serving(server):
        play(server, journal, scene, **without)

    assert len(asked) == 1
    assert leftovers(journal) == ()


def test_without_accounts_in_the_dialect_none_is_made(journal: Path) -> None:
    async def scene(api: KeyApi) -> Key:
        return await api.create_account("account", 1)

    server, asked = _server()
    with serving(server):
        raised = trouble(server, journal, scene)

    assert isinstance(raised, KeyApiTrouble)
    assert "create_account" in str(raised)
    assert not asked


@pytest.mark.parametrize(
    ("without", "said"),
    [("create_in_account", "or neither"), ("create_account", "or neither")],
)
def test_half_a_description_of_accounts_is_refused(without: str, said: str) -> None:
    told = {name: operation for name, operation in (DIALECT | ACCOUNTS).items() if name != without}

    wrong = complaint(msgspec.convert(told, Dialect))

    assert wrong is not None
    assert said in wrong[1]


def test_an_account_needs_a_name(journal: Path) -> None:
    unnamed = msgspec.convert(DIALECT | ACCOUNTS | {"create_account": {"calls": [_ONE]}}, Dialect)

    assert complaint(unnamed) == ("create_account", "its calls must capture account")


@pytest.mark.parametrize("name", ["any-llm", "litellm"])
def test_dialects_whose_keys_have_users_describe_accounts_to_their_end(name: str) -> None:
    dialect = shipped()[name]

    assert dialect.create_account is not None
    assert dialect.create_in_account is not None
    assert dialect.set_account_limit is not None
    assert dialect.remove_account is not None
