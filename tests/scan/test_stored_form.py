"""How a key is stored is decided by making its stored form again."""

import base64
import hashlib
import hmac
import json
import zlib
from collections.abc import Callable

import pytest

from conformance.scan.blake3 import blake3
from conformance.scan.records import Record, record_of_row, records_of_text
from conformance.scan.stored_form import MOST_HASHES, Classified, KeyInStore, classify

SECRETS = {
    "k1": "gw_7hT2kQ9pLm1_x8KpZ3vYtR5nWq7LmB2cD9fGhJ4kS6aP1eXuVo0iN",
    "k2": "gw_b3Xy8WqNz4K_M5tGv2HsLq9RkD7wPzC4jYxE1bNf8uTa3oQiWe6rSm",
}
IDS = {"k1": "7hT2kQ9pLm1", "k2": "b3Xy8WqNz4K"}
SALTS = {"k1": bytes(range(16)), "k2": bytes(range(40, 56))}
Stored = Callable[[str, str, bytes], dict[str, bytes]]  # secret, id, salt → columns


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _last(secret: str) -> str:
    return secret.rsplit("_", 1)[1]


def _deflated(data: bytes) -> bytes:
    compress = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compress.compress(data) + compress.flush()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _base58(data: bytes) -> bytes:
    digits, number = b"", int.from_bytes(data)
    while number:
        number, digit = divmod(number, 58)
        digits = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit : digit + 1] + digits
    return digits


def _b64(data: bytes) -> bytes:
    return base64.b64encode(data)


def _django(secret: str, salt: bytes) -> bytes:
    digest = hashlib.pbkdf2_hmac("sha256", secret.encode(), salt.hex().encode(), 2000)
    return b"pbkdf2_sha256$2000$" + salt.hex().encode() + b"$" + _b64(digest)


def _passlib(secret: str, salt: bytes) -> bytes:
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, 2000)
    pack = [_b64(value).rstrip(b"=").replace(b"+", b".") for value in (salt, digest)]
    return b"$pbkdf2-sha512$2000$" + b"$".join(pack)


def _werkzeug(secret: str, salt: bytes) -> bytes:
    digest = hashlib.scrypt(secret.encode(), salt=salt.hex().encode(), n=1024, r=8, p=1, dklen=64)
    return b"scrypt:1024:8:1$" + salt.hex().encode() + b"$" + digest.hex().encode()


def _row(**columns: bytes) -> dict[str, bytes]:
    return columns


# Several columns per row; near misses beside the hits.
TABLE: dict[str, tuple[str, Stored]] = {
    "SHA-256, salt first, two hex columns": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s.hex().encode(), hash=_sha(s + k.encode()).hex().encode()),
    ),
    "SHA-256, raw columns": ("salted-per-key", lambda k, i, s: _row(salt=s, hash=_sha(s + k.encode()))),
    "SHA-256, key first": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s.hex().encode(), hash=_sha(k.encode() + s).hex().encode()),
    ),
    "salt used as its text": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s.hex().encode(), hash=_sha(s.hex().encode() + k.encode()).hex().encode()),
    ),
    "one column, dollar between": (
        "salted-per-key",
        lambda k, i, s: _row(hash=b"sha256$" + s.hex().encode() + b"$" + _sha(s + k.encode()).hex().encode()),
    ),
    "a colon in the hashed text": (
        "salted-per-key",
        lambda k, i, s: _row(
            h=s.hex().encode() + b":" + _sha(s.hex().encode() + b":" + k.encode()).hex().encode()
        ),
    ),
    "of the last part, base64": (
        "salted-per-key",
        lambda k, i, s: _row(salt=_b64(s), hash=_b64(_sha(s + _last(k).encode()))),
    ),
    "base64url without padding": (
        "salted-per-key",
        lambda k, i, s: _row(
            v=base64.urlsafe_b64encode(s).rstrip(b"=")
            + b"."
            + base64.urlsafe_b64encode(_sha(s + k.encode())).rstrip(b"=")
        ),
    ),
    "without the checksum": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s, hash=_sha(s + _last(k)[:-6].encode())),
    ),
    "SHA-512": ("salted-per-key", lambda k, i, s: _row(salt=s, hash=hashlib.sha512(s + k.encode()).digest())),
    "SHA3-256": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s, hash=hashlib.sha3_256(s + k.encode()).digest()),
    ),
    "BLAKE2b-256": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s, hash=hashlib.blake2b(s + k.encode(), digest_size=32).digest()),
    ),
    "keyed BLAKE2b": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s, hash=hashlib.blake2b(k.encode(), key=s).digest()),
    ),
    "HMAC with a salt of the row": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s.hex().encode(), hash=hmac.digest(s, k.encode(), "sha256").hex().encode()),
    ),
    "cut to 128 bits": ("salted-per-key", lambda k, i, s: _row(salt=s, hash=_sha(s + k.encode())[:16])),
    "in JSON in a column": (
        "salted-per-key",
        lambda k, i, s: _row(
            data=json.dumps({"auth": {"salt": s.hex(), "digest": _sha(s + k.encode()).hex()}}).encode()
        ),
    ),
    "cut to 96 bits": ("truncated", lambda k, i, s: _row(salt=s, hash=_sha(s + k.encode())[:12])),
    "SHA-256 without salt": ("fast-unsalted", lambda k, i, s: _row(hash=_sha(k.encode()).hex().encode())),
    "SHA-256 without salt, upper hex": (
        "fast-unsalted",
        lambda k, i, s: _row(hash=_sha(k.encode()).hex().upper().encode()),
    ),
    "SHA-256 without salt beside an idle one": (
        "fast-unsalted",
        lambda k, i, s: _row(salt=s.hex().encode(), hash=_sha(k.encode()).hex().encode()),
    ),
    "SHA-256 twice": ("fast-unsalted", lambda k, i, s: _row(hash=_sha(_sha(k.encode())))),
    "SHA-512 of the last part": (
        "fast-unsalted",
        lambda k, i, s: _row(hash=_b64(hashlib.sha512(_last(k).encode()).digest())),
    ),
    "PostgreSQL's bytea": (
        "fast-unsalted",
        lambda k, i, s: _row(hash=b"\\x" + _sha(k.encode()).hex().encode()),
    ),
    "MD5": (
        "weak-digest",
        lambda k, i, s: _row(hash=hashlib.md5(k.encode(), usedforsecurity=False).hexdigest().encode()),
    ),
    "salted MD5": (
        "weak-digest",
        lambda k, i, s: _row(salt=s, hash=hashlib.md5(s + k.encode(), usedforsecurity=False).digest()),
    ),
    "salted SHA-1": (
        "weak-digest",
        lambda k, i, s: _row(salt=s, hash=hashlib.sha1(s + k.encode(), usedforsecurity=False).digest()),
    ),
    "of the first 16 characters": ("part-only", lambda k, i, s: _row(salt=s, hash=_sha(s + k[:16].encode()))),
    "of the last 8 characters": (
        "part-only",
        lambda k, i, s: _row(hash=_sha(k[-8:].encode()).hex().encode()),
    ),
    "a salt of 32 bits": (
        "short-salt",
        lambda k, i, s: _row(salt=s[:4].hex().encode(), hash=_sha(s[:4] + k.encode()).hex().encode()),
    ),
    "a serial number as salt": (
        "short-salt",
        lambda k, i, s: _row(n=b"%d" % s[0], hash=_sha(b"%d" % s[0] + k.encode())),
    ),
    "one salt for all": (
        "shared-salt",
        lambda k, i, s: _row(
            salt=b"static-salt-of-the-house", hash=_sha(b"static-salt-of-the-house" + k.encode())
        ),
    ),
    "HMAC whose key lies beside": (
        "shared-salt",
        lambda k, i, s: _row(
            pepper=b"00112233445566778899aabbccddeeff",
            hash=hmac.digest(bytes.fromhex("00112233445566778899aabbccddeeff"), k.encode(), "sha256"),
        ),
    ),
    "Django's PBKDF2": ("kdf", lambda k, i, s: _row(hash=_django(k, s))),
    "passlib's PBKDF2": ("kdf", lambda k, i, s: _row(hash=_passlib(k, s))),
    "Werkzeug's scrypt": ("kdf", lambda k, i, s: _row(hash=_werkzeug(k, s))),
    "bcrypt that would take too long": (
        "kdf-unverified",
        lambda k, i, s: _row(hash=b"$2b$20$" + b"abcdefghijklmnopqrstuu" + b"x" * 31),
    ),
    "BLAKE3": ("salted-per-key", lambda k, i, s: _row(salt=s, hash=blake3(s + k.encode()))),
    "base32 on both sides": (
        "salted-per-key",
        lambda k, i, s: _row(salt=base64.b32encode(s), hash=base64.b32encode(_sha(s + k.encode()))),
    ),
    "salt and digest as one value": ("salted-per-key", lambda k, i, s: _row(v=s + _sha(s + k.encode()))),
    "LDAP's SSHA-256": (
        "salted-per-key",
        lambda k, i, s: _row(v=b"{SSHA256}" + _b64(_sha(k.encode() + s[:8]) + s[:8])),
    ),
    "LDAP's SSHA": (
        "weak-digest",
        lambda k, i, s: _row(
            v=b"{SSHA}" + _b64(hashlib.sha1(k.encode() + s, usedforsecurity=False).digest() + s)
        ),
    ),
    "a dash between": (
        "salted-per-key",
        lambda k, i, s: _row(v=s.hex().encode() + b"-" + _sha(s + k.encode()).hex().encode()),
    ),
    "a dump's bytea": (
        "salted-per-key",
        lambda k, i, s: _row(
            salt=b"\\\\x" + s.hex().encode(), hash=b"\\\\x" + _sha(s + k.encode()).hex().encode()
        ),
    ),
    "BLAKE2b's own salt": (
        "salted-per-key",
        lambda k, i, s: _row(salt=s, hash=hashlib.blake2b(k.encode(), salt=s, digest_size=32).digest()),
    ),
    "lists of bytes": (
        "salted-per-key",
        lambda k, i, s: _row(
            data=json.dumps({"salt": str(list(s)), "hash": str(list(_sha(s + k.encode())))}).encode()
        ),
    ),
    "a decimal number": ("fast-unsalted", lambda k, i, s: _row(v=b"%d" % int.from_bytes(_sha(k.encode())))),
    "hexadecimal in base64": ("fast-unsalted", lambda k, i, s: _row(v=_b64(_sha(k.encode()).hex().encode()))),
    "the end of a digest": ("fast-unsalted", lambda k, i, s: _row(v=_sha(k.encode()).hex()[-32:].encode())),
    "an odd number of digits": (
        "fast-unsalted",
        lambda k, i, s: _row(v=_sha(k.encode()).hex()[:41].encode()),
    ),
    "of the header's value": (
        "fast-unsalted",
        lambda k, i, s: _row(v=_sha(b"Bearer " + k.encode()).hex().encode()),
    ),
    "HMAC with an empty key": (
        "fast-unsalted",
        lambda k, i, s: _row(v=hmac.digest(b"", k.encode(), "sha256")),
    ),
    "MySQL's password": (
        "weak-digest",
        lambda k, i, s: _row(v=b"*" + _sha1(_sha1(k.encode())).hex().upper().encode()),
    ),
    "deflate without a header": ("encoded", lambda k, i, s: _row(v=_deflated(k.encode()))),
    "deflate without a header, in base64": ("encoded", lambda k, i, s: _row(v=_b64(_deflated(k.encode())))),
    "the secret in base58": ("encoded", lambda k, i, s: _row(v=_base58(k.encode()))),
    "the secret's base64 backwards": ("encoded", lambda k, i, s: _row(v=_b64(k.encode())[::-1])),
    "the secret shifted": ("encoded", lambda k, i, s: _row(v=bytes((b - 28) % 94 + 33 for b in k.encode()))),
    "the secret in two tables": ("encoded", lambda k, i, s: _row(a=k[:30].encode(), b=k[30:].encode())),
    "every second letter": ("encoded", lambda k, i, s: _row(a=k[::2].encode(), b=k[1::2].encode())),
}
NOTHING: dict[str, Stored] = {
    "another key's hash": lambda k, i, s: _row(salt=s, hash=_sha(s + b"somebody else's key")),
    "PBKDF2 of another key": lambda k, i, s: _row(hash=_django("somebody else's key", s)),
    "a wrong case": lambda k, i, s: _row(salt=s, hash=_sha(s + k.swapcase().encode())),
    "HMAC whose key is elsewhere": lambda k, i, s: _row(
        hash=hmac.digest(b"kept in a key service", k.encode(), "sha256")
    ),
    "random bytes": lambda k, i, s: _row(a=_sha(s), b=_sha(s + s)),
}


def _classify(stored: Stored) -> tuple[Classified, ...]:
    return classify(
        [
            KeyInStore(
                label=label,
                secret=secret,
                records=(
                    record_of_row(
                        "keys.db: keys",
                        {"id": IDS[label].encode(), **stored(secret, IDS[label], SALTS[label])},
                    ),
                ),
            )
            for label, secret in SECRETS.items()
        ],
        "keys.db",
    )


@pytest.mark.parametrize(("expected", "stored"), TABLE.values(), ids=TABLE.keys())
def test_a_stored_form_is_recognised(expected: str, stored: Stored) -> None:
    for result in _classify(stored):
        assert {form.stored for form in result.forms} == {expected}
        assert result.hashes <= MOST_HASHES


@pytest.mark.parametrize("stored", NOTHING.values(), ids=NOTHING.keys())
def test_what_is_no_hash_of_the_key_explains_nothing(stored: Stored) -> None:
    for result in _classify(stored):
        assert result.forms == ()


def test_values_that_nothing_explains_are_counted() -> None:
    for result in _classify(NOTHING["HMAC whose key is elsewhere"]):
        assert result.unexplained == 1


def test_a_salt_that_explains_a_digest_is_not_itself_unexplained() -> None:
    for result in _classify(TABLE["SHA-256, raw columns"][1]):
        assert result.unexplained == 0


def test_one_key_alone_does_not_prove_that_salts_differ() -> None:
    secret, salt = SECRETS["k1"], SALTS["k1"]
    record = Record("keys.db", (IDS["k1"].encode(), salt, _sha(salt + secret.encode())))
    (result,) = classify([KeyInStore(label="k1", secret=secret, records=(record,))], "keys.db")
    assert [form.stored for form in result.forms] == ["salted"]


def test_a_common_salt_is_found_in_a_row_beside() -> None:
    pepper = b"a pepper in the settings"
    beside = (Record("keys.db: settings row 1", (b"pepper", pepper)),)
    keys = [
        KeyInStore(
            label=label,
            secret=secret,
            records=(
                Record("keys.db", (IDS[label].encode(), hmac.digest(pepper, secret.encode(), "sha256"))),
            ),
            beside=beside,
        )
        for label, secret in SECRETS.items()
    ]
    for result in classify(keys, "keys.db"):
        assert [form.stored for form in result.forms] == ["shared-salt"]
        assert "a key that lies beside the data" in result.forms[0].detail


def _peppered(beside: tuple[Record, ...], algorithm: Callable[[bytes, bytes], bytes]) -> set[str]:
    pepper = b"a pepper in a key service"
    keys = [
        KeyInStore(
            label=label,
            secret=secret,
            records=(Record("keys.db", (IDS[label].encode(), algorithm(pepper, secret.encode()))),),
            beside=beside,
            peppers=(pepper,),
        )
        for label, secret in SECRETS.items()
    ]
    return {form.stored for result in classify(keys, "keys.db") for form in result.forms}


def test_a_declared_pepper_keys_a_verifier_only_where_it_does_not_lie_beside_it() -> None:
    def keyed(pepper: bytes, key: bytes) -> bytes:
        return hmac.digest(pepper, key, "sha256")

    lying = (Record("app.env", (b"PEPPER=a pepper in a key service", b"a pepper in a key service")),)
    assert _peppered((), keyed) == {"keyed"}
    assert _peppered(lying, keyed) == {"shared-salt"}


def test_a_declared_pepper_that_is_merely_put_before_the_key_is_one_salt_for_all() -> None:
    assert _peppered((), lambda pepper, key: _sha(pepper + key)) == {"shared-salt"}


def test_properties_of_a_key_in_rows_of_their_own_are_seen_together() -> None:
    keys = [
        KeyInStore(
            label=label,
            secret=secret,
            records=(
                Record("attributes row 1", (IDS[label].encode(), b"salt", SALTS[label].hex().encode())),
                Record(
                    "attributes row 2",
                    (IDS[label].encode(), b"hash", _sha(SALTS[label] + secret.encode()).hex().encode()),
                ),
            ),
        )
        for label, secret in SECRETS.items()
    ]
    assert {f.stored for result in classify(keys, "keys.db") for f in result.forms} == {"salted-per-key"}


def test_evidence_holds_neither_key_nor_salt_nor_digest() -> None:
    for _, stored in list(TABLE.values())[::5]:
        shown = repr(_classify(stored)).encode()
        for label, secret in SECRETS.items():
            row = stored(secret, IDS[label], SALTS[label])
            hidden = {secret.encode(), _last(secret).encode(), SALTS[label].hex().encode(), *row.values()}
            assert not any(value in shown for value in hidden if len(value) >= 8)


@pytest.mark.parametrize(
    "text",
    [
        '{"keys": [{"id": "7hT2kQ9pLm1", "auth": {"salt": "%s", "hash": "%s"}}, {"id": "other"}]}',
        '{"7hT2kQ9pLm1": {"salt": "%s", "hash": "%s"}}',
        '{"id": 1}\n{"id": "7hT2kQ9pLm1", "salt": "%s", "hash": "%s"}\n{"id": 2}\n',
        "id,salt,hash\n7hT2kQ9pLm1,%s,%s\n",
        "[key]\nid = 7hT2kQ9pLm1\nsalt = %s\nhash = %s\n",
        "key:\n  id: 7hT2kQ9pLm1\n  salt: '%s'\n  hash: '%s'\n",
        'level=info id=7hT2kQ9pLm1 salt="%s" hash="%s"',
    ],
    ids=["JSON", "JSON by name", "JSON lines", "CSV", "INI", "YAML", "logfmt"],
)
def test_records_are_cut_out_of(text: str) -> None:
    secret, salt = SECRETS["k1"], SALTS["k1"]
    data = (text % (salt.hex(), _sha(salt + secret.encode()).hex())).encode()
    records = tuple(records_of_text("keys", data, [IDS["k1"].encode()]))
    (result,) = classify([KeyInStore(label="k1", secret=secret, records=records)], "keys")
    assert {form.stored for form in result.forms} == {"salted"}


def test_rows_that_only_name_a_key_use_up_no_hashes_of_the_row_that_stores_it() -> None:
    """Usage tables name a key in every row, by an identifier as long as a digest."""
    keys = []
    for label, secret in SECRETS.items():
        public = hashlib.sha256(label.encode()).hexdigest().encode()
        calls = [Record(f"calls row {n}", (public, b"%d" % n, b"model-%d" % n)) for n in range(300)]
        stored = Record(
            "keys row", (public, SALTS[label], _sha(SALTS[label] + secret.encode()), b"a", b"b", b"c")
        )
        keys.append(KeyInStore(label=label, secret=secret, records=(*calls, stored), identifiers=(public,)))

    results = classify(keys, "gateway.db")

    assert {form.stored for result in results for form in result.forms} == {"salted-per-key"}
    assert all(result.unexplained == 0 for result in results)
