"""The canaries of answers: what a gateway keeps of them names itself, and tells which part of an answer it was."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from conformance.canary.mint import Mint
from conformance.canary.vectors import DIMENSIONS

PATH = "answer"
TEXT = "answer text"
TOOL = "answer tool arguments"
REFUSAL = "answer refusal"
REASONING = "answer reasoning"
LOGPROBS = "answer logprobs"
VECTOR = "answer vector"
ERROR = "answer error"
HEADER = "answer header"

MOST_DIMENSIONS = 4096


class AnswerCanaries(Protocol):
    """Issues canaries for answers."""

    def atom(self, number: int, field: str) -> str:
        """A new canary for a field of the answer to a call."""

    def vector(self, atom: str, index: int) -> tuple[float, ...]:
        """The first 16 components of an embedding of this canary, the index-th of an answer."""


class Minted:
    """Canaries of a run, on the path "answer"."""

    def __init__(self, mint: Mint) -> None:
        self._mint = mint

    def atom(self, number: int, field: str) -> str:
        """As the protocol says; the run's mint tells by the sequence which call it was."""
        return self._mint.atom(PATH, field)

    def vector(self, atom: str, index: int) -> tuple[float, ...]:
        """As the protocol says."""
        return self._mint.vector(atom, index)


class Counted:
    """Stand-ins for canaries where there is no run: they tell call and field, and prove nothing."""

    def atom(self, number: int, field: str) -> str:
        """27 characters, as canaries have."""
        return f"witness-{field.removeprefix(PATH).strip()[:6]:-<6}-{number:012d}"

    def vector(self, atom: str, index: int) -> tuple[float, ...]:
        """Numbers that depend on both."""
        return _scaled(hashlib.shake_128(f"{atom} {index}".encode()).digest(DIMENSIONS), 256)


class Marks:
    """The canaries of one answer: one for each field that it turns out to have."""

    def __init__(self, number: int, canaries: AnswerCanaries) -> None:
        """`number` is the call's."""
        self._number = number
        self._canaries = canaries
        self._atoms: dict[str, str] = {}

    @property
    def atoms(self) -> Mapping[str, str]:
        """Those issued so far, by field."""
        return MappingProxyType(self._atoms)

    def atom(self, field: str) -> str:
        """The canary of a field."""
        if field not in self._atoms:
            self._atoms[field] = self._canaries.atom(self._number, field)
        return self._atoms[field]

    def embedding(self, index: int, text: str, size: int) -> tuple[float, ...]:
        """An embedding of `size` components: the canary in the first 16, then larger ones that the text decides.

        So equal texts lie close together and different ones do not, as with any provider. All are exact in 16 bits.
        """
        size = min(max(size, DIMENSIONS), MOST_DIMENSIONS)
        noise = hashlib.shake_128(text.encode("utf-8", "surrogatepass")).digest(size - DIMENSIONS)
        return (*self._canaries.vector(self.atom(VECTOR), index), *_scaled(noise, 32))


def _scaled(noise: bytes, unit: int) -> tuple[float, ...]:
    return tuple((2 * byte - 255) / unit for byte in noise)
