"""What a content worker and the dialer say to each other: a number in, a connected socket out.

Packets, so that words stay whole. The worker names a provider by its place in the configuration; where that
is, only the dialer knows. Unused bytes must be zero.
"""

import struct
from typing import Final

_REQUEST: Final = struct.Struct("<IHxx")  # seq, provider
_REPLY: Final = struct.Struct("<IBxxx")  # seq, how it went; with a descriptor where it went well
REQUEST_BYTES: Final = _REQUEST.size
REPLY_BYTES: Final = _REPLY.size

_RESULTS: Final = range(3)
CONNECTED, UNREACHABLE, TIMED_OUT = _RESULTS


class WordError(Exception):
    """The bytes are no such word; whoever sent them is not to be talked to any longer."""


def request(seq: int, provider: int) -> bytes:
    """Connect to this provider, a number of 16 bits. `seq` (32 bits) comes back with the reply."""
    return _REQUEST.pack(seq, provider)


def read_request(word: bytes) -> tuple[int, int]:
    """(seq, provider). Raises WordError."""
    if len(word) != REQUEST_BYTES:
        raise WordError
    seq, provider = _REQUEST.unpack(word)
    if word != _REQUEST.pack(seq, provider):
        raise WordError
    return seq, provider


def reply(seq: int, result: int) -> bytes:
    """How the dial `seq` went."""
    return _REPLY.pack(seq, result)


def read_reply(word: bytes) -> tuple[int, int]:
    """(seq, result). Raises WordError."""
    if len(word) != REPLY_BYTES:
        raise WordError
    seq, result = _REPLY.unpack(word)
    if result not in _RESULTS or word != _REPLY.pack(seq, result):
        raise WordError
    return seq, result
