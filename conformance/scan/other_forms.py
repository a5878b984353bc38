"""Needles for what a canary is besides its atom: words, a number, a vector. Each find is read back and checked."""

import struct
from collections.abc import Callable, Iterator

from conformance.canary import numbers, vectors, words
from conformance.canary.mint import Mint
from conformance.model.storage import CanaryId
from conformance.scan.patterns import Needle

_Read = Callable[[bytes], CanaryId | None]


def other_forms(mint: Mint) -> Iterator[Needle]:
    """Needles for the phrases, numbers and vectors of a run."""
    for found, read in (
        (words.forms(mint.rare), _phrase(mint)),
        (numbers.forms(mint.first_digits), _number(mint)),
        (vectors.forms(mint.direction), _vector(mint)),
    ):
        for form in found:
            yield Needle(form=form, bare=True, read=read)


def _phrase(mint: Mint) -> _Read:
    return lambda found: mint.read_phrase(found.decode("latin-1"))


def _number(mint: Mint) -> _Read:
    return lambda found: mint.read_number(int(found)) if found else None


def _vector(mint: Mint) -> _Read:
    return lambda found: mint.read_vector(struct.unpack(f"<{len(found) // 8}d", found))
