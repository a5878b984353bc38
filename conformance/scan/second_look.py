"""The second look: where clues lie, the bytes are read in the ways in which stores cut texts up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from conformance.canary.mint import LENGTH
from conformance.scan import cuts, views
from conformance.scan.cuts import Place, Region
from conformance.scan.job import Found, Job
from conformance.scan.search import Hit
from conformance.scan.views import View

_CUT = 8  # characters of a marker that count as a cut one; in base32 text, fewer would meet by chance
_BEFORE = 4  # bytes that may part a piece from the text's beginning


class SecondLook:
    """At one layer of one item."""

    def __init__(self, job: Job, chain: tuple[str, ...], locate: Callable[[int], int]) -> None:
        """`locate` turns offsets of the layer into those of the item."""
        self._job = job
        self._chain = chain
        self._locate = locate

    def take(
        self,
        window: bytes | memoryview,
        at: int,
        pieces: Sequence[Place],
        events: Sequence[int],
        done: int,
    ) -> None:
        """Report what the pieces are parts of, if it was not found before."""
        span = cuts.events(events, len(window))
        if span is not None:
            part = bytes(window[span[0] : span[1]])
            view = views.deltas(part)
            self._through([view, *views.streams(part)] if view else [], at + span[0])
        for region in cuts.regions(pieces, len(window)):
            self._region(window, at, region, done)

    def mended(self, found: Found, hit: Hit, window: bytes | memoryview) -> Found | None:
        """A marker whose payload is interrupted, with the payload; None where it cannot be read."""
        if found.form != "raw" or found.label:
            return None
        data = bytes(window[hit.start : hit.start + 8 * LENGTH])
        return self._mended(data, [(0, hit.needle.pattern)], found.offset)

    def _region(self, window: bytes | memoryview, at: int, region: Region, done: int) -> None:
        data = bytes(window[region.begin : region.end])
        places = [(position - region.begin, fragment) for position, fragment in region.places]
        base = at + region.begin
        found = self._through(cuts.readings(data, places), base)
        for position, fragment in places:
            if found or not fragment.text or self._job.read is None:
                continue
            begins = _beginnings(data, position - fragment.place, fragment.text)
            one = self._mended(data, begins, self._locate(base + position))
            if one is not None:
                found |= self._report(one)
        if not found:
            self._cut(data, places, base, done)

    def _through(self, readings: Iterable[View], base: int) -> bool:
        """Report what readings show and the bytes themselves did not; whether there was anything."""
        found = False
        for view in readings:
            for hit in self._job.search.hits(view.data):
                one = self._job.found(hit, view.data, (*self._chain, view.name), 0)
                if one.whole():
                    position = self._locate(base + view.locate(hit.start))
                    found |= self._report(replace(one, offset=position))
        return found

    def _report(self, found: Found) -> bool:
        """Report what was not reported before; true in any case: it explains its pieces."""
        if found.identity() not in self._job.seen:
            self._job.report(found)
        return True

    def _mended(self, data: bytes, begins: Iterable[tuple[int, bytes]], offset: int) -> Found | None:
        for begin, text in begins:
            for name, reading in cuts.blocks(data, begin, text, LENGTH):
                canary = self._job.canary(reading) if reading.startswith(text) else None
                if canary is not None:
                    chain = (*self._chain, name)
                    return Found(
                        offset=offset, length=len(text), form="raw", chain=chain, canary=canary, label=""
                    )
        return None

    def _cut(self, data: bytes, places: Iterable[Place], base: int, done: int) -> None:
        """Report the beginning of a marker that ends in the middle."""
        for position, fragment in places:
            text, offset = fragment.text, base + position
            begun = fragment.place == 0 and data.startswith(text[:_CUT], position)
            marker = self._job.read is not None and text.upper() == self._job.marker.encode()
            if begun and marker and offset >= done and not data.startswith(text, position):
                self._job.report(
                    Found(
                        offset=self._locate(offset),
                        length=_CUT,
                        form=f"first {_CUT} characters",
                        chain=self._chain,
                        canary=None,
                        label="",
                    )
                )


def _beginnings(data: bytes, expected: int, text: bytes) -> list[tuple[int, bytes]]:
    """Where a text may begin whose later piece was found."""
    places = range(expected, max(-1, expected - _BEFORE - 1), -1)
    return [(place, text) for place in places if place >= 0 and data[place : place + 1] == text[:1]]
