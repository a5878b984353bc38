"""BLAKE3 of short messages, as the BLAKE3 paper (O'Connor et al., 2021, section 2) defines it: one chunk, 32 bytes of digest.

Keys and salts are short, so trees of chunks are not needed; a compiled package would be for this alone.
"""

import struct

MOST = 1024  # bytes: one chunk

_IV = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
_ORDER = (2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8)
_START, _END, _ROOT, _KEYED = 1, 2, 8, 16
_BLOCK, _ROUNDS = 64, 7
_MASK = 0xFFFFFFFF
_COLUMNS_THEN_DIAGONALS = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


def blake3(message: bytes, key: bytes = b"") -> bytes:
    """The 32 byte digest of at most 1024 bytes, keyed where a key of 32 bytes is given. Raises ValueError for longer ones."""
    if len(message) > MOST or len(key) not in (0, 32):
        raise ValueError("one chunk, and no key or one of 32 bytes")
    value = struct.unpack("<8I", key) if key else _IV
    mode = _KEYED if key else 0
    blocks = [message[at : at + _BLOCK] for at in range(0, len(message), _BLOCK)] or [b""]
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        flags = mode | (_START if number == 0 else 0) | (_END | _ROOT if last else 0)
        value = _compressed(value, block, flags)
    return struct.pack("<8I", *value)


def _compressed(value: tuple[int, ...], block: bytes, flags: int) -> tuple[int, ...]:
    words = list(struct.unpack("<16I", block.ljust(_BLOCK, b"\0")))
    state = [*value, *_IV[:4], 0, 0, len(block), flags]
    for _ in range(_ROUNDS):
        for pair, places in enumerate(_COLUMNS_THEN_DIAGONALS):
            _mixed(state, places, words[2 * pair], words[2 * pair + 1])
        words = [words[at] for at in _ORDER]
    return tuple(state[at] ^ state[at + 8] for at in range(8))


def _mixed(state: list[int], places: tuple[int, int, int, int], one: int, other: int) -> None:
    a, b, c, d = places
    for word, far, near in ((one, 16, 12), (other, 8, 7)):
        state[a] = (state[a] + state[b] + word) & _MASK
        state[d] = _turned(state[d] ^ state[a], far)
        state[c] = (state[c] + state[d]) & _MASK
        state[b] = _turned(state[b] ^ state[c], near)


def _turned(word: int, bits: int) -> int:
    return (word >> bits) | (word << (32 - bits) & _MASK)
