"""Password hashes are decided by making them again: bcrypt, argon2 and crypt(5) too, whatever wraps them."""

import base64
import hashlib
import struct
from collections.abc import Callable

import pytest

from conformance.scan.kdf import stretched
from conformance.scan.records import Record, record_of_row
from conformance.scan.stored_form import KeyInStore, classify
from tests.scan.test_stored_form import IDS, SALTS, SECRETS

# Made by bcrypt 5.0, argon2-cffi 25.1 and libxcrypt 4.4 from the two secrets.
MADE: dict[str, tuple[str, dict[str, str]]] = {
    "bcrypt": (
        "kdf",
        {
            "k1": "$2b$04$GmKcvBWNdcl1IDD1z5Ad2e04ZhM3XmuyhpGqRKusz3FflLc38Qy6i",
            "k2": "$2b$04$oGOeTu.jpJ..3C3Xwa2BZePjjjrwyOGOxPmKd186t16RH44JxBv3m",
        },
    ),
    "Django's bcrypt of SHA-256": (
        "kdf",
        {
            "k1": "bcrypt_sha256$$2b$04$ShBWWLLa9eXD3M.Gg81jLuu7c7oK6mmE5HuC0Zh3rRQq/vUdtOWei",
            "k2": "bcrypt_sha256$$2b$04$V5rxANMmsbc6R2cZbkk8Ie6JWG5KaOCzfV9smQNvL7XFpN20d8P7i",
        },
    ),
    "passlib's bcrypt of HMAC-SHA-256": (
        "kdf",
        {
            "k1": "$bcrypt-sha256$v=2,t=2b,r=4$qZBepRyKIXPHCfeeTLsKFO$nJ.dqerzfFaX6nZplovnDeex6VKjaE2",
            "k2": "$bcrypt-sha256$v=2,t=2b,r=4$uxqui5iTdPep4WRrw.2kAe$zIMatOr0DzkRYs2EcSj/aywprAsSX8O",
        },
    ),
    "argon2id": (
        "kdf",
        {
            "k1": "$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$rEdDivOsI+uhyoyzPc9NEA",
            "k2": "$argon2id$v=19$m=64,t=1,p=1$KCkqKywtLi8wMTIzNDU2Nw$LpsEsgN4rLvR1POPKld8pg",
        },
    ),
    "Spring's argon2id": (
        "kdf",
        {
            "k1": "{argon2}$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$rEdDivOsI+uhyoyzPc9NEA",
            "k2": "{argon2}$argon2id$v=19$m=64,t=1,p=1$KCkqKywtLi8wMTIzNDU2Nw$LpsEsgN4rLvR1POPKld8pg",
        },
    ),
    "SHA-512 crypt": (
        "kdf",
        {
            "k1": "$6$rounds=1000$0001020304050607$Zc69nNQM/lUqwkOZ9UoIg0xRjdNoxya0JfjJaJl0wgg7IXVE3jEXWCdXd67M87LmI75A.NF1AO4"
            "Q6nNi3EHWr0",
            "k2": "$6$rounds=1000$28292a2b2c2d2e2f$rqUmlUDn6f4gr4RtF0u7qxrl9b8cy4o8ZUrwleDMn3QFPmLhOwAgrK/cDIh3UjqJBEL7mICOoiA"
            "VFTmxT07wF.",
        },
    ),
    "MD5 crypt": (
        "weak-digest",
        {"k1": "$1$00010203$YCNp1dIcswJH8PKfgQgEg.", "k2": "$1$28292a2b$9ee.8S78Mrfxmnqq8jdc1/"},
    ),
    "bcrypt with one salt for all": (
        "shared-salt",
        {
            "k1": "$2b$04$abcdefghijklmnopqrstuurL18pExhVJNSeQ8a8HgFhFq3nNZ0DbO",
            "k2": "$2b$04$abcdefghijklmnopqrstuu1lr6.1xJkyvcsAjs52z.wRt6/1ovoXG",
        },
    ),
}
Columns = Callable[[bytes, bytes], dict[str, bytes]]  # key, salt → columns


def _asp_net(key: bytes, salt: bytes) -> dict[str, bytes]:
    digest = hashlib.pbkdf2_hmac("sha256", key, salt, 2000)
    return {"hash": base64.b64encode(b"\1" + struct.pack(">III", 1, 2000, len(salt)) + salt + digest)}


APART: dict[str, Columns] = {
    "scrypt by Node's own settings, salt as its text": lambda k, s: {
        "salt": s.hex().encode(),
        "hash": hashlib.scrypt(k, salt=s.hex().encode(), n=1 << 14, r=8, p=1, dklen=64).hex().encode(),
    },
    "PBKDF2, rounds in a column": lambda k, s: {
        "salt": s.hex().encode(),
        "iterations": b"2100",
        "hash": hashlib.pbkdf2_hmac("sha512", k, s, 2100).hex().encode(),
    },
    "ASP.NET Core Identity": _asp_net,
}


def _forms(columns: Callable[[str], dict[str, bytes]]) -> set[str]:
    keys = [
        KeyInStore(
            label=label,
            secret=secret,
            records=(record_of_row("keys", {"id": IDS[label].encode(), **columns(label)}),),
            identifiers=(IDS[label].encode(),),
        )
        for label, secret in SECRETS.items()
    ]
    return {form.stored for result in classify(keys, "keys.db") for form in result.forms}


@pytest.mark.parametrize(("expected", "stored"), MADE.values(), ids=MADE.keys())
def test_a_written_password_hash_is_made_again(expected: str, stored: dict[str, str]) -> None:
    assert _forms(lambda label: {"hash": stored[label].encode()}) == {expected}


@pytest.mark.parametrize("columns", APART.values(), ids=APART.keys())
def test_a_slow_hash_in_columns_is_made_again(columns: Columns) -> None:
    assert _forms(lambda label: columns(SECRETS[label].encode(), SALTS[label])) == {"kdf"}


def test_somebody_elses_password_hash_is_not_the_keys() -> None:
    for _, stored in MADE.values():
        assert not list(stretched(stored["k1"].encode(), [b"another key"]))


def test_what_would_take_too_long_stays_undecided() -> None:
    slow = b"$2b$20$GmKcvBWNdcl1IDD1z5Ad2e04ZhM3XmuyhpGqRKusz3FflLc38Qy6i"
    assert [found.verified for found in stretched(slow, [b"any key"])] == [False]


def test_a_keys_own_hash_is_found_among_those_of_its_neighbours() -> None:
    lines = [stored["k1"].encode() for _, stored in MADE.values()]
    record = Record("dump", (IDS["k2"].encode(), MADE["bcrypt"][1]["k2"].encode(), *lines))
    (result,) = classify([KeyInStore(label="k2", secret=SECRETS["k2"], records=(record,))], "dump")
    assert {form.stored for form in result.forms} == {"kdf"}
