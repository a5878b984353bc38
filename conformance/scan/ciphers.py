"""Secrets that lie encrypted beside what decrypts them: tried with every key that the records hold. Pure.

A verifier cannot be turned back; what can be is kept for some use, and whoever has the store has the use.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance.scan.tokens import Token, is_piece

_KEY_SIZES = frozenset({16, 24, 32})  # bytes, of AES and ChaCha20
_IV_SIZES = frozenset({8, 12, 16, 24})
_MOST_KEYS = 60
_MOST_TRIALS = 8_000
_LEAST_PASSPHRASE = 6
_LEAST_TEXT = 12  # characters of a secret that no chance decrypts to
_TAG, _NONCE, _BLOCK = 16, 12, 16
_SALTED, _KEY_AND_IV, _ENC_ROUNDS = b"Salted__", 48, 10_000
_MOST_PAIRED, _MOST_TAGS = 30, 3
_LEAST_PERIODS = 2  # of a repeated XOR key that must fit into a text to be seen


@dataclass(frozen=True, slots=True)
class Recovered:
    """A stored value from which a key's secret comes back, and by what."""

    value: bytes
    how: str


def recovered(secret: str, known: Sequence[Token], beside: Iterable[Token]) -> Iterator[Recovered]:
    """Values among `known`, which lie in the record of a key, that decrypt to its secret with what is there or `beside`."""
    texts = _texts(secret)
    values = [
        token.value
        for token in known
        if token.value not in texts
        and len(token.value) >= _LEAST_TEXT
        and (token.encoding != "text" or len(token.value) in map(len, texts))
    ]
    for value in values:
        yield from (Recovered(value, how) for how in _masked(value, texts))
    yield from _of_pairs(values, texts)
    lying = (*known, *beside)
    keys = [*islice(_keys(lying), _MOST_KEYS), *islice(_derived(lying), _MOST_KEYS)]
    ivs = [b"", *dict.fromkeys(token.value for token in known if len(token.value) in _IV_SIZES)]
    passphrases = [token.value for token in lying if token.encoding == "text"][:_MOST_KEYS]
    for value in values:
        if value.startswith(_SALTED) and any(
            text in o for o in _by_passphrase(value, passphrases) for text in texts
        ):
            yield Recovered(value, "AES-CBC, by a passphrase that lies beside it")
    sealed = [token.value for token in known if not is_piece(token) and token.value in values]
    trials = ((value, name, key) for value in (*sealed, *_with_tags(sealed)) for name, key in keys)
    for count, (value, name, key) in enumerate(trials):
        if count * len(ivs) > _MOST_TRIALS:
            return
        cipher = next((c for c, opened in _opened(value, key, ivs) if any(t in opened for t in texts)), "")
        if cipher:
            yield Recovered(value, f"{cipher}, by a key that lies beside it{name}")


def _of_pairs(values: Sequence[bytes], texts: Sequence[bytes]) -> Iterator[Recovered]:
    """Two values that, combined, are the secret."""
    for one, other in combinations(values[:_MOST_PAIRED], 2):
        if len(one) == len(other) and bytes(a ^ b for a, b in zip(one, other, strict=True)) in texts:
            yield Recovered(one, "XOR with a value that lies beside it")


def _with_tags(values: Sequence[bytes]) -> Iterator[bytes]:
    """Values behind which a tag that lies apart is put."""
    tags = [value for value in values if len(value) == _TAG][:_MOST_TAGS]
    return (value + tag for tag in tags for value in values if value is not tag)


def _by_passphrase(value: bytes, passphrases: Iterable[bytes]) -> Iterator[bytes]:
    """What OpenSSL's `enc`, and who writes as it does, gives for a salted value: EVP_BytesToKey(3), and PBKDF2 (enc(1))."""
    salt, body = value[len(_SALTED) : _BLOCK], value[_BLOCK:]
    for passphrase in passphrases if body and len(body) % _BLOCK == 0 else ():
        for name in ("md5", "sha256"):
            made = last = b""
            while len(made) < _KEY_AND_IV:
                last = hashlib.new(name, last + passphrase + salt, usedforsecurity=False).digest()
                made += last
            yield _plain(made[:32], modes.CBC(made[32:_KEY_AND_IV]), body)
        made = hashlib.pbkdf2_hmac("sha256", passphrase, salt, _ENC_ROUNDS, _KEY_AND_IV)
        yield _plain(made[:32], modes.CBC(made[32:]), body)


def one_keystream(stored: Mapping[str, tuple[str, Sequence[bytes]]]) -> dict[str, Recovered]:
    """Keys of which the stored values, each combined with its secret, give the same bytes: who knows one secret knows all.

    `stored` are a secret and the values of its record by a label: XOR with a constant, or a stream cipher whose nonce is.
    """
    streams = {label: _streams(secret, values) for label, (secret, values) in stored.items()}
    found: dict[str, Recovered] = {}
    for (one, ones), (other, others) in combinations(streams.items(), 2):
        for stream in ones.keys() & others.keys():
            how = "combined with bytes that are the same for every key"
            found |= {one: Recovered(ones[stream], how), other: Recovered(others[stream], how)}
    return found


def _streams(secret: str, values: Iterable[bytes]) -> dict[bytes, bytes]:
    """What each value combined with the secret gives, and that value; the secret itself gives nothing."""
    pairs = ((value, text) for value in values for text in _texts(secret) if len(value) == len(text))
    found = {bytes(a ^ b for a, b in zip(value, text, strict=True)): value for value, text in pairs}
    return {stream: value for stream, value in found.items() if any(stream)}


def _texts(secret: str) -> tuple[bytes, ...]:
    """What may have been encrypted: the whole, or what is behind its separators."""
    parts = [
        secret,
        *(secret.partition(mark)[2] for mark in "-_."),
        *(secret.rpartition(mark)[2] for mark in "-_."),
    ]
    return tuple(dict.fromkeys(part.encode() for part in parts if len(part) >= _LEAST_TEXT))


def _masked(value: bytes, texts: Iterable[bytes]) -> Iterator[str]:
    """By XOR with few bytes again and again, or by letters that were shifted."""
    for text in texts:
        if len(value) != len(text) or value == text:
            continue
        stream = bytes(a ^ b for a, b in zip(value, text, strict=True))
        period = next((p for p in range(1, len(stream) // _LEAST_PERIODS + 1) if _repeats(stream, p)), 0)
        if period:
            yield f"XOR with {period} bytes"
        elif _rotated(value, text):
            yield "shifted letters"


def _repeats(stream: bytes, period: int) -> bool:
    return all(stream[at] == stream[at - period] for at in range(period, len(stream)))


def _rotated(value: bytes, text: bytes) -> bool:
    """Whether every letter is as far from the other as the first one, in its alphabet."""
    shifts = set()
    for a, b in zip(value, text, strict=True):
        start = 65 if 65 <= b <= 90 else 97 if 97 <= b <= 122 else 0
        if start and start <= a < start + 26:
            shifts.add((a - b) % 26)
        elif a != b:
            return False
    return len(shifts) == 1


def _keys(known: Iterable[Token]) -> Iterator[tuple[str, bytes]]:
    """What may be a key of a cipher as it lies there: values of its size."""
    sized = dict.fromkeys(token.value for token in known if len(token.value) in _KEY_SIZES)
    return (("", value) for value in sized)


def _derived(known: Iterable[Token]) -> Iterator[tuple[str, bytes]]:
    """What is made a key of a text: digests of it, as passphrases are used, and the text filled up."""
    for text in dict.fromkeys(token.value for token in known if token.encoding == "text"):
        if len(text) < _LEAST_PASSPHRASE:
            continue
        yield ", as SHA-256 of a text", hashlib.sha256(text).digest()
        yield (
            ", as hexadecimal MD5 of a text",
            hashlib.md5(text, usedforsecurity=False).hexdigest().encode(),
        )
        if len(text) < max(_KEY_SIZES):
            yield ", as a text filled up with zeroes", text.ljust(max(_KEY_SIZES), b"\0")


def _opened(value: bytes, key: bytes, ivs: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """What comes of a value with a key, by each cipher and each place in which its nonce may be."""
    for iv in (*ivs, bytes(_BLOCK)):
        nonce, rest = (iv, value) if iv else (value[:_NONCE], value[_NONCE:])
        # What is sealed is combined with a keystream from the second block on: neither tag nor further data are needed.
        if len(nonce) == _NONCE and rest:
            yield "AES-GCM", _plain(key, modes.CTR(nonce + b"\0\0\0\2"), rest)
            if len(key) == 32:
                yield "ChaCha20-Poly1305", _stream(key, b"\1\0\0\0" + nonce, rest)
        elif len(nonce) == _BLOCK and len(rest) > _TAG:
            yield "AES-GCM", _sealed(AESGCM(key).decrypt, nonce, rest)
        start, body = (iv, value) if iv else (value[:_BLOCK], value[_BLOCK:])
        if len(start) == _BLOCK and body:
            yield "AES-CTR", _plain(key, modes.CTR(start), body)
            if len(body) % _BLOCK == 0:
                yield "AES-CBC", _plain(key, modes.CBC(start), body)
    if value and len(value) % _BLOCK == 0:
        yield "AES-ECB", _plain(key, modes.ECB(), value)  # noqa: S305 - looked for, not used
    if len(key) == 32 and value[:1] in (b"\x80", b"g"):
        yield "Fernet", _fernet(key, value)


def _sealed(decrypt: Callable[[bytes, bytes, bytes | None], bytes], nonce: bytes, data: bytes) -> bytes:
    try:
        return decrypt(nonce, data, None)
    except InvalidTag:
        return b""


def _stream(key: bytes, nonce: bytes, data: bytes) -> bytes:
    cipher = Cipher(algorithms.ChaCha20(key, nonce), None).decryptor()
    return cipher.update(data)


def _plain(key: bytes, mode: modes.CTR | modes.CBC | modes.ECB, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), mode).decryptor()
    return cipher.update(data) + cipher.finalize()


def _fernet(key: bytes, value: bytes) -> bytes:
    token = value if value[:1] == b"g" else base64.urlsafe_b64encode(value)
    try:
        return Fernet(base64.urlsafe_b64encode(key)).decrypt(token)
    except InvalidToken:
        return b""
