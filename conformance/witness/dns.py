"""The little of DNS (RFC 1035) that a name server needs which knows one zone and one address. Pure: messages in, messages out."""

import ipaddress
import struct
from dataclasses import dataclass

MOST = 512  # bytes of a message by UDP (RFC 1035, 4.2.1)
_HEAD = struct.Struct("!6H")
_A, _AAAA, _ANY, _INTERNET = 1, 28, 255, 1
_RESPONSE, _OPCODE, _AUTHORITATIVE, _RECURSION = 0x8000, 0x7800, 0x0400, 0x0100
_FORMAT, _NOT_IMPLEMENTED, _REFUSED = 1, 4, 5
_MOST_LABEL = 63
_MOST_NAME = 255


@dataclass(frozen=True, slots=True)
class Question:
    """What a resolver asks: a name in lower case without its last dot, a type, and the bytes of both as they came."""

    name: str
    type: int
    raw: bytes


def question(message: bytes) -> Question | None:
    """The one question of a query, or None: not a query, or not one that can be read."""
    if len(message) < _HEAD.size:
        return None
    _, flags, count, *_ = _HEAD.unpack_from(message)
    if flags & _RESPONSE or count != 1:
        return None
    end = _HEAD.size
    labels = []
    while end < len(message) and (length := message[end]):
        if (
            length > _MOST_LABEL or end - _HEAD.size > _MOST_NAME
        ):  # a pointer (4.1.4) has nothing to point to yet
            return None
        labels.append(message[end + 1 : end + 1 + length].decode("latin-1").lower())
        end += 1 + length
    raw = message[_HEAD.size : end + 5]
    if len(raw) < end + 5 - _HEAD.size:
        return None
    return Question(".".join(labels), int.from_bytes(raw[-4:-2]), raw)


def in_zone(name: str, zone: str) -> bool:
    """Whether a name is a zone's or lies in it."""
    name, zone = name.lower().rstrip("."), zone.lower().strip(".")
    return bool(zone) and (name == zone or name.endswith(f".{zone}"))


def response(message: bytes, zone: str, address: str) -> bytes | None:
    """The answer to a query: every name in the zone has this address; others are refused. None: nothing can be answered.

    Without an address, or for other types, the name is there and holds nothing. Times to live are 0, so that each use of a
    name is a look-up.
    """
    if len(message) < _HEAD.size or message[2] & _RESPONSE >> 8:
        return None
    number, flags, *_ = _HEAD.unpack_from(message)
    kept = flags & (_OPCODE | _RECURSION)
    asked = question(message)
    if flags & _OPCODE or asked is None:
        code = _NOT_IMPLEMENTED if flags & _OPCODE else _FORMAT
        return _HEAD.pack(number, _RESPONSE | kept | code, 0, 0, 0, 0)
    if not in_zone(asked.name, zone):
        return _HEAD.pack(number, _RESPONSE | kept | _REFUSED, 1, 0, 0, 0) + asked.raw
    records = _records(asked, address)
    head = _HEAD.pack(number, _RESPONSE | _AUTHORITATIVE | kept, 1, len(records), 0, 0)
    return head + asked.raw + b"".join(records)


def _records(asked: Question, address: str) -> list[bytes]:
    try:
        value = ipaddress.ip_address(address)
    except ValueError:
        return []
    kind = _A if value.version == 4 else _AAAA
    if asked.type not in {kind, _ANY}:
        return []
    # The name as a pointer to the question's (4.1.4), which begins behind the head.
    fields = struct.pack("!HHHIH", 0xC000 | _HEAD.size, kind, _INTERNET, 0, len(value.packed))
    return [fields + value.packed]
