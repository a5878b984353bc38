"""Canaries: self-checking atoms of 27 characters that say which request and which field they travelled in.

    QZX4KVJ7WQ9Z  RRR  SSSSFF                    CCCCCC
    marker        run  sequence, field and copy  30 bits of HMAC-SHA-256 under the run key

Every character carries five bits of an alphabet without I and O. An atom survives case folding and the
escaping rules of JSON, URLs, HTML, SQL, CSV and shells unchanged, and its length, a multiple of three,
keeps base64 regular. Sequence, field and copy are enciphered: neighbouring canaries share no letters, so
that compressors with a dictionary (lz4, snappy, LZF) keep them in one piece.

Where no atom can go, or none would be kept, its canary goes as words, as a number or as a vector. These bear
the sequence and a check: 30 bits for words, 6.6 for numbers, which must have been issued too, 24 for vectors.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from types import MappingProxyType

import msgspec

from conformance.canary import numbers, vectors, words
from conformance.model.storage import CONTROL_PATH, CanaryId

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
MARKER = 12
LENGTH = 27
RARE = "QZX"  # how every marker starts: rare in text, so that the scanner's prefilter seldom stops

INDICES = 32  # vectors of one canary that are told apart

_RUN, _PAYLOAD, _CHECK = 3, 6, 6  # characters
_FIELD_BITS = 10  # of the payload's 30; the other 20 are the sequence
CONTROLS = 1 << 16  # the last numbers belong to canaries that the suite plants itself
_MOST = (1 << 5 * _PAYLOAD - _FIELD_BITS) - CONTROLS
_COPIES = 4
_WORD_CHECK, _VECTOR_CHECK = 30, 24  # bits
_LAST_FIELD = (1 << _FIELD_BITS) // _COPIES - 1  # fields beyond share it; the sequence tells them apart
_ROUNDS = (b"1", b"2", b"3", b"4")
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}
_PAIRS = tuple(one + other for one in ALPHABET for other in ALPHABET)
_FILLER = (
    "please compare the morning ferry with the evening train and tell me which of them leaves earlier "
    "because our group would like to walk through the old town before the market closes for the winter "
)


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """One canary as the run remembers it: enough, with the run key, to recognise it years later."""

    sequence: int
    path: str
    field: str


class Mint:
    """Issues the canaries of one run, and reads them again. Deterministic for a given run key."""

    def __init__(self, run_key: bytes) -> None:
        """Derive the run's marker from its secret key (at least 16 bytes)."""
        if len(run_key) < 16:
            raise ValueError("a run key has at least 16 bytes")
        self._key = run_key
        self.marker = RARE + _letters(_derive(run_key, b"marker"), MARKER - len(RARE))
        self.rare = self._bits(b"words", 30)  # how its phrases, numbers and vectors begin
        self.first_digits = numbers.first_digits(self._bits(b"digits %d" % n, 64) for n in count())
        self.direction = vectors.direction(self._bits(b"vectors %d" % n, 64) for n in count())
        self._run = _letters(_derive(run_key, b"run"), _RUN)
        self._issued: dict[int, Issued] = {}
        self._fields: dict[str, int] = {}

    @classmethod
    def restore(cls, run_key: bytes, issued: Iterable[Issued]) -> "Mint":
        """Rebuild the mint of an earlier run from its key and the canaries it issued, for a later scan."""
        mint = cls(run_key)
        for canary in sorted(issued, key=lambda i: i.sequence):
            mint._remember(canary)
        return mint

    @property
    def issued(self) -> Mapping[int, Issued]:
        """Every canary issued so far, by sequence."""
        return MappingProxyType(self._issued)

    def atom(self, path: str, field: str) -> str:
        """Issue a new canary for a field of a request on a path, and return its text."""
        sequence = len(self._issued)
        if sequence >= _MOST:
            raise ValueError(f"a run issues at most {_MOST} canaries; split the campaign")
        self._remember(Issued(sequence=sequence, path=path, field=field))
        return self._write(sequence, self._fields[field], 0)

    def control(self, number: int) -> str:
        """A canary that the suite plants itself, one of `CONTROLS`. It is told from content without being remembered, and a
        number that is drawn anew for each look is not mistaken for what an earlier look left behind.
        """
        return self._write(_MOST + number % CONTROLS, 0, 0)

    def repeat(self, atom: str, copy: int) -> str:
        """The same canary as another copy (0 to 3), so that a sighting tells which of the copies was kept."""
        return self._copy(self._payload(atom), copy)

    def text(self, atom: str, size: int = 300) -> str:
        """A sentence of about `size` characters that carries a canary thrice: at its start, middle and end.

        The start survives a cut to the first characters, the end a cut to the last, the middle a split.
        """
        room = max(0, size - 3 * LENGTH - 4) // 2
        prose = (_FILLER * (room // len(_FILLER) + 1))[:room].strip() or "and"
        payload = self._payload(atom)
        return f"{atom} {prose} {self._copy(payload, 1)} {prose} {self._copy(payload, 2)}"

    def read(self, text: str) -> CanaryId | None:
        """The canary that 27 characters in any case stand for, or None: not an atom of this run."""
        payload = self._parse(text)
        if payload is None:
            return None
        sequence, _, copy = payload
        return self._named(sequence, copy)

    def phrase(self, atom: str) -> str:
        """The canary of an atom as eight words of six letters, for texts from which an atom would be taken out."""
        sequence = self._sequence(atom)
        return words.phrase(self.rare, sequence << _WORD_CHECK | self._word_check(sequence))

    def read_phrase(self, text: str) -> CanaryId | None:
        """The canary whose phrase a text begins with, in any case and with anything between its words; or None."""
        for payload in words.payloads(self.rare, text):
            sequence, check = payload >> _WORD_CHECK, payload & (1 << _WORD_CHECK) - 1
            if check == self._word_check(sequence):
                return self._named(sequence)
        return None

    def number(self, atom: str) -> int:
        """The canary of an atom as a number of 15 digits, for seeds and ids."""
        sequence = self._sequence(atom)
        return numbers.number(self.first_digits, sequence, self._number_check(sequence))

    def read_number(self, number: int) -> CanaryId | None:
        """The canary that a number stands for, or None: no number of this run, or of a canary not issued."""
        sequence, check = numbers.parts(self.first_digits, number) or (-1, -1)
        if sequence not in self._issued or check != self._number_check(sequence):
            return None
        return self._named(sequence)

    def vector(self, atom: str, index: int = 0) -> tuple[float, ...]:
        """The canary of an atom as an embedding of 16 components, one of `INDICES` by its index (modulo that)."""
        payload = self._sequence(atom) * INDICES + index % INDICES
        check = self._bits(b"vector %d" % payload, _VECTOR_CHECK)
        return vectors.vector(self.direction, payload << _VECTOR_CHECK | check)

    def read_vector(self, components: Sequence[float]) -> CanaryId | None:
        """The canary whose vector the first 16 components are, its index as the copy; or None."""
        number = vectors.payload_of(self.direction, components)
        if number is None:
            return None
        payload, check = number >> _VECTOR_CHECK, number & (1 << _VECTOR_CHECK) - 1
        if check != self._bits(b"vector %d" % payload, _VECTOR_CHECK):
            return None
        return self._named(*divmod(payload, INDICES))

    def _sequence(self, atom: str) -> int:
        return self._payload(atom)[0]

    def _payload(self, atom: str) -> tuple[int, int, int]:
        """Sequence, field and copy of an atom. Raises ValueError on what is none of this run."""
        payload = self._parse(atom)
        if payload is None:
            raise ValueError("not an atom of this run")
        return payload

    def _copy(self, payload: tuple[int, int, int], copy: int) -> str:
        return self._write(payload[0], payload[1], copy % _COPIES)

    def _named(self, sequence: int, copy: int = 0) -> CanaryId:
        if sequence >= _MOST:
            return CanaryId(sequence=sequence, path=CONTROL_PATH, field="planted", copy=copy)
        canary = self._issued.get(sequence)
        path, field = (canary.path, canary.field) if canary else ("unknown", "unknown")
        return CanaryId(sequence=sequence, path=path, field=field, copy=copy)

    def _word_check(self, sequence: int) -> int:
        return self._bits(b"phrase %d" % sequence, _WORD_CHECK)

    def _number_check(self, sequence: int) -> int:
        return self._bits(b"number %d" % sequence, 64) % numbers.CHECKS

    def _bits(self, purpose: bytes, size: int) -> int:
        return int.from_bytes(_derive(self._key, purpose)) >> 256 - size

    def _remember(self, canary: Issued) -> None:
        self._issued[canary.sequence] = canary
        self._fields.setdefault(canary.field, min(len(self._fields), _LAST_FIELD))

    def _write(self, sequence: int, field: int, copy: int) -> str:
        number = sequence << _FIELD_BITS | field * _COPIES + copy
        payload = self._run + _digits(self._scramble(number, _ROUNDS), _PAYLOAD)
        return self.marker + payload + self._check(payload)

    def _parse(self, text: str) -> tuple[int, int, int] | None:
        if len(text) != LENGTH or not text.isascii():
            return None
        atom = text.upper()
        payload, check = atom[MARKER:-_CHECK], atom[-_CHECK:]
        if not atom.startswith(self.marker + self._run) or not set(payload) <= _VALUE.keys():
            return None
        if not hmac.compare_digest(check, self._check(payload)):
            return None
        number = self._scramble(_number(payload[_RUN:]), _ROUNDS[::-1])
        field, copy = divmod(number & (1 << _FIELD_BITS) - 1, _COPIES)
        return number >> _FIELD_BITS, field, copy

    def _scramble(self, number: int, rounds: tuple[bytes, ...]) -> int:
        """A Feistel permutation of 30-bit numbers; its own inverse with the rounds reversed."""
        left, right = number >> 15, number & 0x7FFF
        for key in rounds:
            noise = hashlib.blake2b(right.to_bytes(2) + key, digest_size=2, key=self._key[:64]).digest()
            left, right = right, left ^ int.from_bytes(noise) >> 1
        return right << 15 | left

    def _check(self, payload: str) -> str:
        return _letters(_derive(self._key, b"check" + payload.encode()), _CHECK)


def _derive(key: bytes, purpose: bytes) -> bytes:
    return hmac.digest(key, b"gateproof canary " + purpose, hashlib.sha256)


def _letters(digest: bytes, count: int) -> str:
    return _digits(int.from_bytes(digest) >> (256 - 5 * count), count)


def _digits(number: int, count: int) -> str:
    written = ""
    while count > 1:
        written = _PAIRS[number & 1023] + written
        number, count = number >> 10, count - 2
    return ALPHABET[number & 31] + written if count else written


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 32 + _VALUE[letter]
    return number
