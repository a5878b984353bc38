"""Keys of a run are traced to the form in which a gateway stores them."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec.structs import replace

from conformance.checks.stored_keys import secret_is_not_stored_recoverably, stored_form_is_salted_and_strong
from conformance.collectors.stored_keys import stored_keys
from conformance.dialects.shipped import shipped
from conformance.dialects.speak import Key, KeyApi
from conformance.model.evidence import CannotObserve
from conformance.model.storage import StoredKeys
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.probes.door import Answer
from conformance.session import Session
from conformance.target import Credentials, Surface
from conformance.target_parts import Secret
from tests.collectors.auditing import files, session_over

DATABASE = Surface(kind="sqlite", locator="keys.db", role="account")
SECRETS = {
    "7hT2kQ9pLm1": "gw_7hT2kQ9pLm1_x8KpZ3vYtR5nWq7LmB2cD9fGhJ4kS6aP1eXuVo0iN",
    "b3Xy8WqNz4K": "gw_b3Xy8WqNz4K_M5tGv2HsLq9RkD7wPzC4jYxE1bNf8uTa3oQiWe6rSm",
}
SALTS = {"7hT2kQ9pLm1": bytes(range(16)), "b3Xy8WqNz4K": bytes(range(40, 56))}
Stored = Callable[[str, bytes], bytes]  # secret, salt → the verifier column

FORMS: dict[str, tuple[Stored, str, str]] = {
    "salted SHA-256": (lambda k, s: hashlib.sha256(s + k.encode()).digest(), "Pass", "Pass"),
    "clear text": (lambda k, s: k.encode(), "Fail", "Fail"),
    "base64": (lambda k, s: base64.b64encode(k.encode()), "Fail", "Fail"),
    "reversed": (lambda k, s: k[::-1].encode(), "Fail", "Fail"),
    "SHA-256 without salt": (lambda k, s: hashlib.sha256(k.encode()).hexdigest().encode(), "Pass", "Fail"),
    "salted, cut to 64 bits": (lambda k, s: hashlib.sha256(s + k.encode()).digest()[:8], "Pass", "Fail"),
    "something else": (lambda k, s: hashlib.sha256(s).digest(), "Inconclusive", "Inconclusive"),
}


def _add_keys(session: Session) -> None:
    session.key_api = KeyApi(
        shipped()["openrouter"],
        session.door,
        session.journal,
        url="https://gateway.example",
        credential="unused",
        per_usd=1,
        grain=1,
        run="r1",
        variables={},
    )
    answer = Answer(status=201, headers=(), body=b"", ms=1)
    session.key_api.created += [
        Key(
            name=f"gateproof-r1-{id}", secret=secret, id=id, limit=None, variables={"id": id}, creation=answer
        )
        for id, secret in SECRETS.items()  # noqa: A001
    ]


def _observed(base: Path, *surfaces: Surface, credentials: Credentials | None = None) -> StoredKeys:
    async def look(session: Session) -> StoredKeys:
        return await stored_keys(session)

    with session_over(base, *surfaces) as session:
        _add_keys(session)
        if credentials is not None:
            session.target = replace(session.target, credentials=credentials)
        return asyncio.run(look(session))


def _store(base: Path, stored: Stored) -> None:
    with closing(sqlite3.connect(base / "keys.db")) as database:
        database.execute("CREATE TABLE keys (number INTEGER PRIMARY KEY, id TEXT, salt BLOB, verifier BLOB)")
        for id, secret in SECRETS.items():  # noqa: A001
            row = (id, SALTS[id], stored(secret, SALTS[id]))
            database.execute("INSERT INTO keys (id, salt, verifier) VALUES (?, ?, ?)", row)
        database.commit()


@pytest.mark.parametrize(("stored", "recoverable", "strong"), FORMS.values(), ids=FORMS.keys())
def test_verdicts_follow_the_stored_form(
    tmp_path: Path, stored: Stored, recoverable: str, strong: str
) -> None:
    _store(tmp_path, stored)
    seen = _observed(tmp_path, DATABASE)
    assert type(secret_is_not_stored_recoverably(seen)).__name__ == recoverable
    assert type(stored_form_is_salted_and_strong(seen)).__name__ == strong


def test_evidence_names_neither_key_nor_digest(tmp_path: Path) -> None:
    _store(tmp_path, FORMS["salted SHA-256"][0])
    (tmp_path / "gateway.log").write_text("\n".join(SECRETS.values()))
    shown = repr(_observed(tmp_path, DATABASE, files("gateway.log")))
    for secret in SECRETS.values():
        assert secret not in shown
        assert secret.rsplit("_", 1)[1] not in shown


def test_a_log_that_holds_the_secret_part_fails_although_the_store_is_sound(tmp_path: Path) -> None:
    _store(tmp_path, FORMS["salted SHA-256"][0])
    secret = SECRETS["7hT2kQ9pLm1"]
    (tmp_path / "gateway.log").write_text(f"authenticated with {secret.rsplit('_', 1)[1]}\n")
    seen = _observed(tmp_path, DATABASE, files("gateway.log"))
    verdict = secret_is_not_stored_recoverably(seen)
    assert isinstance(verdict, Fail)
    assert "gateway.log" in verdict.observed


def test_a_digest_in_another_table_is_reached_through_the_row_number(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "keys.db")) as database:
        database.execute("CREATE TABLE keys (id INTEGER PRIMARY KEY, public TEXT)")
        database.execute("CREATE TABLE verifiers (key_id INTEGER, salt BLOB, digest BLOB)")
        for number, (id, secret) in enumerate(SECRETS.items(), start=17):  # noqa: A001
            database.execute("INSERT INTO keys VALUES (?, ?)", (number, id))
            digest = hashlib.sha256(SALTS[id] + secret.encode()).digest()
            database.execute("INSERT INTO verifiers VALUES (?, ?, ?)", (number, SALTS[id], digest))
        database.commit()
    assert isinstance(stored_form_is_salted_and_strong(_observed(tmp_path, DATABASE)), Pass)


def test_a_store_of_files_is_read_like_a_database(tmp_path: Path) -> None:
    rows = [
        f'{{"id": "{id}", "salt": "{SALTS[id].hex()}", "hash": "{hashlib.sha256(SALTS[id] + s.encode()).hexdigest()}"}}'
        for id, s in SECRETS.items()  # noqa: A001
    ]
    (tmp_path / "keys.jsonl").write_text("\n".join(rows))
    seen = _observed(tmp_path, files("keys.jsonl", role="account"))
    assert isinstance(stored_form_is_salted_and_strong(seen), Pass)
    assert isinstance(secret_is_not_stored_recoverably(seen), Pass)


@pytest.mark.parametrize("place", ["at the top", "in a table", "in a file of settings"])
def test_a_key_that_lies_beside_what_it_encrypts_is_found(tmp_path: Path, place: str) -> None:
    cipher, rows = secrets.token_bytes(32), []
    for id, secret in SECRETS.items():  # noqa: A001
        nonce = secrets.token_bytes(12)
        rows.append(
            {"id": id, "sealed": (nonce + AESGCM(cipher).encrypt(nonce, secret.encode(), None)).hex()}
        )
    beside: dict[str, dict[str, Any]] = {
        "at the top": {"master": cipher.hex()},
        "in a table": {"crypto": {"master": cipher.hex()}},
    }
    (tmp_path / "keys.json").write_text(json.dumps({"keys": rows, **beside.get(place, {})}))
    (tmp_path / "keys.env").write_text(
        f"MODE=live\nMASTER={cipher.hex()}\n" if place not in beside else "MODE=live\n"
    )

    seen = _observed(tmp_path, files("keys.*", role="account"))

    assert isinstance(secret_is_not_stored_recoverably(seen), Fail)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("app.env", "MODE=live\nMASTER={key}\n"), ("app.json", '{{"server": {{"auth": {{"seal": "{key}"}}}}}}')],
)
def test_a_key_that_lies_in_another_store_is_found(tmp_path: Path, name: str, settings: str) -> None:
    cipher = secrets.token_bytes(32)

    def sealed(secret: str, nonce: bytes) -> bytes:
        return nonce[:12] + AESGCM(cipher).encrypt(nonce[:12], secret.encode(), None)

    _store(tmp_path, sealed)
    (tmp_path / name).write_text(settings.format(key=cipher.hex()))

    seen = _observed(tmp_path, DATABASE, files(name, role="account"))

    assert isinstance(secret_is_not_stored_recoverably(seen), Fail)


def test_a_record_without_any_verifier_proves_nothing(tmp_path: Path) -> None:
    _store(tmp_path, lambda _secret, _salt: b"")
    with closing(sqlite3.connect(tmp_path / "keys.db")) as database:
        database.execute("UPDATE keys SET salt = NULL")
        database.commit()

    seen = _observed(tmp_path, DATABASE)

    assert isinstance(secret_is_not_stored_recoverably(seen), Inconclusive)


def test_a_declared_pepper_keys_what_is_stored(tmp_path: Path) -> None:
    (tmp_path / "pepper").write_text("kept in a key service\n")
    _store(tmp_path, lambda secret, _salt: hmac.digest(b"kept in a key service", secret.encode(), "sha256"))

    seen = _observed(tmp_path, DATABASE, credentials=Credentials(peppers=(Secret(file="pepper"),)))

    assert isinstance(stored_form_is_salted_and_strong(seen), Pass)
    assert isinstance(stored_form_is_salted_and_strong(_observed(tmp_path, DATABASE)), Inconclusive)


def test_a_store_that_names_no_key_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "accounts.txt").write_text("nothing about keys\n")
    seen = _observed(tmp_path, files("accounts.txt", role="account"))
    assert isinstance(secret_is_not_stored_recoverably(seen), Inconclusive)
    assert isinstance(stored_form_is_salted_and_strong(seen), Inconclusive)


def test_without_keys_there_is_nothing_to_observe(tmp_path: Path) -> None:
    (tmp_path / "accounts.txt").write_text("x")

    async def look(session: Session) -> StoredKeys:
        assert session.key_api is not None
        session.key_api.created.clear()
        return await stored_keys(session)

    with session_over(tmp_path, files("accounts.txt", role="account")) as session:
        _add_keys(session)
        with pytest.raises(CannotObserve, match="no key was created"):
            asyncio.run(look(session))
