"""Fingerprints: digests of exact prompts. Who keeps one can tell later that a prompt was sent again.

Digests with a salt or a secret key cannot be found from outside; nothing here claims so. Token ids would need the
vocabulary of the model, which no package brings along.
"""

import base64
import hashlib
import importlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from conformance.canary.forms import Form
from conformance.model.archive import PromptSent
from conformance.model.storage import CanaryId
from conformance.scan.bodies import request_texts
from conformance.scan.patterns import Needle

Digest = Callable[[bytes], bytes]
Prompts = Iterable[tuple[CanaryId, str]]

_MOST, _LONGEST = (
    100,
    1 << 16,
)  # texts, and characters of one: who keeps digests keeps those of short ones too
_RAW, _HEX, _BASE64 = 8, 16, 14  # bytes, digits and digits by which a digest is recognised; stores cut them
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_MASK = (1 << 64) - 1
_XXH64 = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)


def searched_for(sent: Iterable[PromptSent], most: int = _MOST) -> list[tuple[CanaryId, str]]:
    """Of the texts that were sent, those whose digests are searched for: request by request, with the body that carried it."""
    requests: dict[CanaryId, list[str]] = {}
    for one in sent:
        if len(one.text) <= _LONGEST:
            requests.setdefault(one.canary, []).append(one.text)
    texts = [(canary, text) for canary, kept in requests.items() for text in kept]
    return texts[: min(most, _MOST)]


def fingerprints(prompts: Prompts) -> Iterator[Needle]:
    """Needles for the digests of prompts, each as bytes, in hexadecimal and in base64.

    About 500 per prompt, so that a hundred prompts and more are still searched for in one pass.
    """
    for canary, prompt in prompts:
        for (what, text), (name, digest) in _product(prompt):
            for written, pattern in _written(digest(text)):
                form = Form(
                    name=f"{name} of {what}, {written}", pattern=pattern, decode=bytes, ahead=len(pattern)
                )
                yield Needle(form=form, canary=canary, bare=True)


def digests() -> Mapping[str, Digest]:
    """The digests that are computed: the standard library's, xxHash's 64 bits, and those of installed packages."""
    known: dict[str, Digest] = {
        name: partial(_hashed, name) for name in ("sha256", "sha1", "sha512", "sha3_256", "blake2b")
    }
    known["md5"] = lambda data: hashlib.md5(data, usedforsecurity=False).digest()
    known["xxh64"] = xxh64
    if (blake3 := _module("blake3")) is not None:
        known["blake3"] = lambda data: bytes(blake3.blake3(data).digest())
    if (xxhash := _module("xxhash")) is not None:
        known["xxh3-64"] = lambda data: bytes(xxhash.xxh3_64_digest(data))
    return known


def texts(prompt: str) -> Mapping[str, bytes]:
    """What a gateway may take the digest of: the prompt, its usual normal forms, and the messages that carry it; or where the
    prompt is the body of a request, that and its parts.
    """
    found = dict(request_texts(prompt)) or _around(prompt)
    unique: dict[bytes, str] = {}
    for name, text in found.items():
        if text:
            unique.setdefault(text.encode("utf-8", "surrogatepass"), name)
    return {name: text for text, name in unique.items()}


def _around(prompt: str) -> dict[str, str]:
    message = {"role": "user", "content": prompt}
    return {
        "the prompt": prompt,
        "the stripped prompt": prompt.strip(),
        "the prompt in lower case": prompt.lower(),
        "the normalised prompt": " ".join(prompt.lower().split()),
        "the prompt as JSON": json.dumps(prompt),
        "the user's line": f"user: {prompt}",
        "the message": json.dumps(message),
        "the compact message": _compact(message),
        "the messages": json.dumps([message]),
        "the compact messages": _compact([message]),
    }


def xxh64(data: bytes) -> bytes:
    """XXH64 with seed 0, big endian, as its tools print it (xxHash specification, 0.1.1)."""
    one, two, three, four, five = _XXH64
    position, size = 0, len(data)
    if size < 32:
        total = five
    else:
        lanes = [(one + two) & _MASK, two, 0, -one & _MASK]
        while position + 32 <= size:
            for lane in range(4):
                word = int.from_bytes(data[position + 8 * lane : position + 8 * lane + 8], "little")
                lanes[lane] = _round(lanes[lane], word)
            position += 32
        total = sum(_rotated(lane, turn) for lane, turn in zip(lanes, (1, 7, 12, 18), strict=True)) & _MASK
        for lane in lanes:
            total = ((total ^ _round(0, lane)) * one + four) & _MASK
    total = (total + size) & _MASK
    while position + 8 <= size:
        word = int.from_bytes(data[position : position + 8], "little")
        total = (_rotated(total ^ _round(0, word), 27) * one + four) & _MASK
        position += 8
    if position + 4 <= size:
        word = int.from_bytes(data[position : position + 4], "little")
        total = (_rotated(total ^ word * one & _MASK, 23) * two + three) & _MASK
        position += 4
    for byte in data[position:]:
        total = _rotated(total ^ byte * five & _MASK, 11) * one & _MASK
    for shift, prime in ((33, two), (29, three)):
        total = (total ^ total >> shift) * prime & _MASK
    return (total ^ total >> 32).to_bytes(8)


def _product(prompt: str) -> Iterator[tuple[tuple[str, bytes], tuple[str, Digest]]]:
    known = digests()
    for text in texts(prompt).items():
        for digest in known.items():
            yield text, digest


def _written(value: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", value[:_RAW]
    yield "hex", value.hex()[:_HEX].encode()
    if (upper := value.hex().upper()[:_HEX]) != value.hex()[:_HEX]:
        yield "hex", upper.encode()
    for shift in range(3):
        digits = _digits(value, shift)
        yield "base64", digits
        if (safe := digits.translate(_URL_SAFE)) != digits:
            yield "base64", safe


def _digits(value: bytes, shift: int) -> bytes:
    """The base64 digits that a value decides alone when `shift` bytes precede it."""
    written = base64.b64encode(bytes(shift) + value)
    return written[-(-8 * shift // 6) : 8 * (shift + len(value)) // 6][:_BASE64]


def _compact(value: object) -> str:
    """As JavaScript, Go and most caches write JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _hashed(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def _round(lane: int, word: int) -> int:
    return _rotated((lane + word * _XXH64[1]) & _MASK, 31) * _XXH64[0] & _MASK


def _rotated(value: int, turn: int) -> int:
    return (value << turn | value >> 64 - turn) & _MASK


@cache
def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
