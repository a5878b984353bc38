"""Texts that a store has cut up: where their pieces lie close together, and every way of reading them as one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from conformance.scan import views
from conformance.scan.blocks import BadBlock, lzf, pglz
from conformance.scan.patterns import Fragment
from conformance.scan.views import View

_NEAR = 1 << 11  # bytes between two pieces of one text, at most
_BEFORE, _BEHIND = 1 << 11, 1 << 12  # bytes looked at around them
_ENOUGH = 2  # what different pieces must weigh together
_GAP = 600  # bytes that may part two pieces of a text, so that they can be stitched
_CONTROL = 4  # bytes that block formats put between literals, at most
_EVENTS = 8  # of a streamed answer; fewer hold no atom

Place = tuple[int, Fragment]  # position in the window, and what lies there


@dataclass(frozen=True, slots=True)
class Region:
    """A part of a window in which pieces lie."""

    begin: int
    end: int
    places: tuple[Place, ...]


def regions(places: Sequence[Place], size: int) -> Iterator[Region]:
    """Where pieces lie so close together and are so many that they may be one text, in a window of this size."""
    near: list[Place] = []
    for place in sorted(places, key=lambda found: found[0]):
        if near and place[0] - near[-1][0] > _NEAR:
            yield from _region(near, size)
            near = []
        near.append(place)
    yield from _region(near, size)


def events(positions: Sequence[int], size: int) -> tuple[int, int] | None:
    """The part of a window in which a streamed answer lies."""
    if len(positions) < _EVENTS:
        return None
    return max(0, min(positions) - _BEFORE), min(size, max(positions) + _BEHIND)


def readings(data: bytes, places: Sequence[Place]) -> Iterator[View]:
    """The bytes of a region read in every way that may make one text of its pieces (positions are in the data)."""
    yield views.without_blanks(data)
    for view in (views.dumped(data), views.exchanged(data)):
        if view is not None:
            yield view
    yield views.squeezed(data)
    for begin, gap in _gaps(data, places):
        view = views.stitched(data, begin, gap)
        if view is not None:
            yield view


def blocks(data: bytes, begin: int, text: bytes, length: int) -> Iterator[tuple[str, bytes]]:
    """What may have been `length` bytes that start with a text, were they kept in a block format: format and reading.

    The text's first byte lies at `begin`. Up to a control byte it lies there as it is.
    """
    clear = _common(data[begin : begin + length], text)
    for kept in range(max(1, min(clear, 8)), 0, -1):
        yield "pglz", text[:kept] + pglz(data[begin + kept :][: 4 * length], length - kept)
    for kept in range(min(clear, length - 1), 0, -1):
        if data[begin + kept : begin + kept + 1] < b" ":
            yield "LZF", text[:kept] + _lzf(data[begin + kept :][: 4 * length], length - kept)
    for kept in range(length - 1, 0, -1):
        if text[:kept] != data[begin : begin + min(kept, len(text))]:
            continue
        for control in range(1, _CONTROL + 1):
            yield "a block", data[begin : begin + kept] + data[begin + kept + control :][: length - kept]


def _region(near: list[Place], size: int) -> Iterator[Region]:
    weights = {fragment.pattern: fragment.weight for _, fragment in near}
    if sum(weights.values()) >= _ENOUGH:
        begin = max(0, near[0][0] - _BEFORE)
        yield Region(begin, min(size, near[-1][0] + _BEHIND), tuple(near))


def _gaps(data: bytes, places: Sequence[Place]) -> Iterator[tuple[int, bytes]]:
    """Where a piece of a text begins, and what parts it from the next: each distinct gap once."""
    seen: set[bytes] = set()
    known = [place for place in places if place[1].text]
    for (one, first), (other, second) in pairwise(known):
        apart = other - one
        if first.text != second.text or not 0 < second.place - first.place < apart <= _GAP:
            continue
        text = first.text
        end = one + _common(data[one:], text[first.place :])
        missing = second.place - (
            first.place + end - one
        )  # characters of the text that lie before the second piece
        begin = other - missing
        gap = data[end:begin]
        if missing >= 0 and gap and data[begin:other] == text[second.place - missing : second.place]:
            start = one - _common_back(data[:one], text[: first.place])
            if gap not in seen:
                seen.add(gap)
                yield start, gap


def _lzf(data: bytes, most: int) -> bytes:
    try:
        return lzf(data, most, blind=True)
    except BadBlock:
        return b""


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two begin with alike."""
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count


def _common_back(one: bytes, other: bytes) -> int:
    """How many bytes two end with alike."""
    return _common(one[::-1][: len(other)], other[::-1])
