"""Secrets that are stored so that they come back: by a key that lies there, by XOR, by a keystream that all share."""

import base64
import hashlib
import secrets
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.scan.ciphers import one_keystream, recovered
from conformance.scan.records import Record
from conformance.scan.stored_form import KeyInStore, classify
from conformance.scan.tokens import tokens

KEY, NONCE, IV = secrets.token_bytes(32), secrets.token_bytes(12), secrets.token_bytes(16)
PASSPHRASE = b"correct horse battery staple"
MASK = secrets.token_bytes(100)
Keep = Callable[[bytes], tuple[bytes, ...]]  # a secret → fields of its record


def padded(text: bytes) -> bytes:
    """PKCS #7."""
    return text + bytes([16 - len(text) % 16]) * (16 - len(text) % 16)


def aes(mode: modes.CBC | modes.CTR | modes.ECB, text: bytes, key: bytes = KEY) -> bytes:
    """AES without a tag."""
    cipher = Cipher(algorithms.AES(key), mode).encryptor()
    return cipher.update(text) + cipher.finalize()


def xor(text: bytes, mask: bytes) -> bytes:
    """A text combined with bytes, again and again."""
    return bytes(letter ^ mask[at % len(mask)] for at, letter in enumerate(text))


WAYS: dict[str, Keep] = {
    "AES-GCM, nonce first": lambda s: ((n := secrets.token_bytes(12)) + AESGCM(KEY).encrypt(n, s, None),),
    "AES-GCM, base64": lambda s: (base64.b64encode(NONCE + AESGCM(KEY).encrypt(NONCE, s, None)),),
    "AES-GCM, nonce apart": lambda s: (
        NONCE.hex().encode(),
        AESGCM(KEY).encrypt(NONCE, s, None).hex().encode(),
    ),
    "AES-GCM, a passphrase": lambda s: (
        NONCE + AESGCM(hashlib.sha256(PASSPHRASE).digest()).encrypt(NONCE, s, None),
    ),
    "AES-128-GCM": lambda s: (NONCE + AESGCM(KEY[:16]).encrypt(NONCE, s, None), KEY[:16]),
    "AES-CBC": lambda s: (IV + aes(modes.CBC(IV), padded(s)),),
    "AES-CBC, IV apart": lambda s: (IV.hex().encode(), aes(modes.CBC(IV), padded(s)).hex().encode()),
    "AES-CTR": lambda s: (IV + aes(modes.CTR(IV), s),),
    "AES-ECB": lambda s: (aes(modes.ECB(), padded(s)),),  # noqa: S305 - what is looked for
    "ChaCha20-Poly1305": lambda s: (NONCE + ChaCha20Poly1305(KEY).encrypt(NONCE, s, None),),
    "Fernet": lambda s: (Fernet(base64.urlsafe_b64encode(KEY)).encrypt(s),),
    "the last part only": lambda s: (NONCE + AESGCM(KEY).encrypt(NONCE, s.rsplit(b"-", 1)[1], None),),
    "XOR with a byte": lambda s: (xor(s, b"\x5a").hex().encode(),),
    "XOR with a word": lambda s: (base64.b64encode(xor(s, b"mask")),),
    "XOR with a long mask": lambda s: (xor(s, MASK),),
    "a stream cipher with one nonce": lambda s: (aes(modes.CTR(IV), s, MASK[:32]),),
    "shifted letters": lambda s: (
        s.translate(bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz", b"nopqrstuvwxyzabcdefghijklm")),
    ),
}


def kept(keep: Keep) -> list[KeyInStore]:
    """Two keys that are kept so, with a cipher's key in another table."""
    beside = (Record("settings", (b"active", KEY.hex().encode())), Record("settings", (PASSPHRASE,)))
    keys = []
    for label in ("k1", "k2"):
        secret = f"sk-{secrets.token_hex(20)}"
        record = Record("keys row", (label.encode(), b"2026-11-20T10:00:00Z", *keep(secret.encode())))
        keys.append(KeyInStore(label=label, secret=secret, records=(record,), beside=beside))
    return keys


def come_back(keys: list[KeyInStore]) -> set[str]:
    """The labels of those keys whose secret comes back."""
    known = {key.label: tokens(key.records[0].fields) for key in keys}
    stored = {key.label: (key.secret, [token.value for token in known[key.label]]) for key in keys}
    beside = tokens(field for record in keys[0].beside for field in record.fields)
    alone = {key.label for key in keys if list(recovered(key.secret, known[key.label], beside))}
    return alone | set(one_keystream(stored))


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_that_can_be_had_again_is_recognised(way: str) -> None:
    assert come_back(kept(WAYS[way])) == {"k1", "k2"}


def classes(keep: Keep) -> set[str]:
    """How keys that are kept so are classified."""
    return {form.stored for one in classify(kept(keep), "db") for form in one.forms}


@pytest.mark.parametrize("way", ["AES-GCM, base64", "XOR with a long mask"])
def test_what_comes_back_is_a_class_of_its_own(way: str) -> None:
    assert "decryptable" in classes(WAYS[way])


def test_salted_hashes_beside_keys_of_ciphers_are_hashes() -> None:
    def keep(secret: bytes) -> tuple[bytes, ...]:
        salt = secrets.token_bytes(16)
        return salt, hashlib.sha256(salt + secret).digest()

    assert classes(keep) == {"salted-per-key"}


def test_what_another_key_encrypts_is_not_said_to_come_back() -> None:
    def keep(secret: bytes) -> tuple[bytes, ...]:
        nonce = secrets.token_bytes(12)
        return (nonce + AESGCM(secrets.token_bytes(32)).encrypt(nonce, secret, None),)

    assert come_back(kept(keep)) == set()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=80), max_size=6))
def test_random_values_never_come_back(values: list[bytes]) -> None:
    assert come_back(kept(lambda _secret: tuple(values))) == set()
