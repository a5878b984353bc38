"""How keys are kept and compared: salted, hashed, and at the same price whoever asks."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway import credential
from reference_gateway.ledger import keys
from reference_gateway.ledger.accounts import AccountTerms, Issued
from reference_gateway.ledger.connection import Connection
from reference_gateway.ledger.keys import Hashing, Register, Verifier, endpoint_mask, endpoints_of, matches
from reference_gateway.ledger.storage.sqlite import SqliteStorage
from reference_gateway.ledger.wire import AskBalance, Authorise, Endpoint, Refused, Standing, Why
from tests.reference_gateway.ledger_parts import ENVIRONMENT, NOW, Desk, authorise, done, in_memory
from tests.reference_gateway.unhurried import UNHURRIED
from tests.reference_gateway.wire_messages import TAILS


def verifier(key: str, hashing: Hashing, key_id: int = 9) -> Verifier:
    salt = hashing.salt()
    digest = hashing.digest(salt, key.encode())
    return Verifier(key_id, salt, digest, 1, limited=False, usable=True, expires_at=None)


def test_the_stored_digest_is_sha256_of_salt_and_key() -> None:
    hashing, key = Hashing(), credential.mint(ENVIRONMENT, 9)
    kept = verifier(key, hashing)

    assert kept.digest == hashlib.sha256(kept.salt + key.encode()).digest()
    assert matches(hashing, kept, key.encode())
    assert not matches(hashing, kept, credential.mint(ENVIRONMENT, 9).encode())


def test_each_key_has_a_salt_of_its_own() -> None:
    salts = {Hashing().salt() for _ in range(100)}

    assert len(salts) == 100
    assert {len(salt) for salt in salts} == {keys.SALT_BYTES}


@UNHURRIED
@given(endpoints=st.none() | st.frozensets(st.sampled_from(Endpoint)))
def test_a_scope_of_endpoints_survives_its_mask(endpoints: frozenset[Endpoint] | None) -> None:
    mask = endpoint_mask(endpoints)

    assert endpoints_of(mask) == endpoints
    assert [bool(mask & 1 << endpoint) for endpoint in Endpoint] == [
        endpoints is None or endpoint in endpoints for endpoint in Endpoint
    ]


@UNHURRIED
@given(tail=TAILS)
def test_only_the_key_itself_proves_its_holder(tail: bytes) -> None:
    hashing, key = Hashing(), credential.mint(ENVIRONMENT, 9)
    register = Register(hashing, ENVIRONMENT)
    register.put(verifier(key, hashing))

    proven = [register.prove(9, tail), register.prove(8, tail), register.prove(8, key[-49:].encode())]

    assert proven == [None, None, None]
    assert register.prove(9, key[-49:].encode()) is not None


def test_a_dropped_key_is_unknown() -> None:
    hashing, key = Hashing(), credential.mint(ENVIRONMENT, 9)
    register = Register(hashing, ENVIRONMENT)
    register.put(verifier(key, hashing))

    register.drop(9)
    register.drop(9)

    assert register.prove(9, key[-49:].encode()) is None


def counted() -> tuple[Hashing, list[int]]:
    """Hashing, and how many bytes it is given, call by call."""
    lengths: list[int] = []

    def digest(salt: bytes, key: bytes) -> bytes:
        lengths.append(len(salt) + len(key))
        return keys.salted_sha256(salt, key)

    return Hashing(digest=digest), lengths


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The lengths of what `hmac.compare_digest` was given."""
    lengths: list[int] = []
    real = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        lengths.extend((len(one), len(other)))
        return real(one, other)

    monkeypatch.setattr("reference_gateway.ledger.keys.hmac.compare_digest", counting)
    return lengths


WRONG = b"0" * 49


def presented(desk: Desk, issued: Issued, which: str) -> Authorise:
    right = authorise(issued)
    match which:
        case "unknown":
            return replace(right, key_id=right.key_id ^ 1)
        case "wrong":
            return replace(right, tail=WRONG)
        case "disabled":
            desk.change(issued, disabled=True)
        case "deleted":
            done(desk.book.delete(right.key_id, "x"))
        case "rotated":
            done(desk.book.rotate(right.key_id, "x"))
        case "expired":
            desk.now += 10
    return right


REFUSED = ["unknown", "wrong", "disabled", "deleted", "rotated", "expired"]


@pytest.mark.parametrize("which", ["right", *REFUSED])
def test_whoever_asks_costs_one_digest_and_one_comparison(which: str, compared: list[int]) -> None:
    hashing, hashed = counted()
    desk = Desk(in_memory(SqliteStorage), hashing=hashing)
    message = presented(desk, desk.new_key(expires_at=NOW + 10), which)
    hashed.clear()

    (answer,) = desk.ask(Connection(bytes(16)), message)
    (balance,) = desk.ask(Connection(bytes(16)), AskBalance(message.key_id, message.tail))

    assert isinstance(answer, Standing) == (which == "right")
    assert (
        (answer == Refused(Why.KEY_UNUSABLE)) == (balance == Refused(Why.KEY_UNUSABLE)) == (which in REFUSED)
    )
    whole = keys.SALT_BYTES + len(credential.mint(ENVIRONMENT, 1))
    assert hashed == [whole, whole]
    assert compared == [keys.DIGEST_BYTES] * 4
    desk.storage.close()


def test_a_key_is_for_the_endpoints_of_its_scope() -> None:
    desk = Desk(in_memory(SqliteStorage))
    issued = desk.new_key()
    desk.change(issued, scope=replace(issued.record.scope, endpoints=frozenset({Endpoint.CHAT})))

    answers = desk.ask(Connection(bytes(16)), authorise(issued), authorise(issued, Endpoint.EMBEDDINGS))

    assert answers == [Standing(issued.record.key_id, 1, limited=True), Refused(Why.OUT_OF_SCOPE)]
    desk.storage.close()


def test_a_disabled_account_stops_all_of_its_keys_and_lets_them_go_on_afterwards() -> None:
    desk = Desk(in_memory(SqliteStorage))
    account = done(desk.book.create_account(AccountTerms(name="a"), "x"))
    mine = [desk.new_key(account=account.account_id) for _ in range(2)]
    other = desk.new_key()

    def usable(disabled: bool) -> list[bool]:
        terms = AccountTerms(name="a", disabled=disabled)
        done(desk.book.revise_account(account.account_id, lambda _: terms, "x"))
        answers = desk.ask(Connection(bytes(16)), *(authorise(issued) for issued in (*mine, other)))
        return [isinstance(answer, Standing) for answer in answers]

    assert usable(disabled=True) == [False, False, True]
    assert usable(disabled=False) == [True, True, True]
    desk.storage.close()
