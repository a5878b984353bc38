"""One item under scan: what is shared by the layers of streams that nest in it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from conformance.canary.mint import LENGTH, MARKER
from conformance.model.storage import CanaryId, Sighting
from conformance.scan.repeats import Repeats
from conformance.scan.search import Hit, Search
from conformance.scan.tally import Ledger, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One thing found in one item. `offset` counts raw bytes, to the pattern or its outermost encoding."""

    offset: int
    length: int
    form: str
    chain: tuple[str, ...]
    canary: CanaryId | None
    label: str

    def identity(self) -> tuple[str, int, int]:
        """What was found, whatever its form: the label, or sequence and copy (-1 for a marker alone)."""
        if self.canary is None:
            return self.label, -1, 0
        return self.label, self.canary.sequence, self.canary.copy

    def sighted(self, surface: str, item: str) -> Sighting:
        """The same as evidence: on which surface, by its locator, and in which item of it."""
        return Sighting(
            surface=surface,
            item=item,
            offset=self.offset,
            length=self.length,
            form=self.form,
            chain=self.chain,
            canary=self.canary,
            label=self.label,
        )

    def whole(self) -> bool:
        """Whether it is more than a marker whose payload is missing."""
        return self.canary is not None or bool(self.label)


Sink = Callable[[Found], None]
Read = Callable[[str], CanaryId | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much may be spent on decoding one item. What is left undecoded is a gap in the ledger."""

    depth: int = 6  # encodings in one another
    allowance: int = 1 << 28  # decoded bytes, besides `ratio` times what was read
    ratio: int = 64
    seconds: float = 900.0


@dataclass(slots=True)
class Job:
    """The item, and what may still be spent on it."""

    search: Search
    marker: str
    read: Read | None
    sink: Sink
    tally: Tally
    limits: Limits
    repeats: Repeats
    ledger: Ledger
    deep: bool = True
    seen: set[tuple[str, int, int]] = field(default_factory=set)
    allowed: int = 0
    _until: float = 0.0

    def __post_init__(self) -> None:
        self.allowed = self.limits.allowance
        self._until = time.monotonic() + self.limits.seconds

    def report(self, found: Found) -> None:
        """Pass a find on, and for a stream that lies in several places, each of them."""
        self.seen.add(found.identity())
        self.sink(found)
        for place in self.repeats.found(found.offset):
            self.sink(replace(found, offset=place))

    def read_more(self, size: int) -> None:
        """Count bytes of the item itself."""
        self.tally.raw += size
        if self.allowed > 0:
            self.allowed += self.limits.ratio * size

    def spend(self, decoded: int) -> bool:
        """Count decoded bytes; false, and a gap, when what may be spent on the item is used up."""
        if self.allowed <= 0:
            return False  # the gap stands in the ledger
        self.tally.decoded += decoded
        self.allowed -= decoded
        if self.allowed <= 0:
            self.gap("decodes to more than the scan may spend on it")
        elif time.monotonic() > self._until:
            self.gap(f"takes more than {self.limits.seconds:g} s to decode")
            self.allowed = 0
        return self.allowed > 0

    def gap(self, reason: str, *, deciding: bool = True) -> None:
        """Enter what could not be decoded in the ledger."""
        self.tally.gap(self.ledger.item, reason, deciding=deciding)

    def found(self, hit: Hit, window: bytes | memoryview, chain: tuple[str, ...], offset: int) -> Found:
        """What a hit in a window is."""
        return Found(
            offset=offset,
            length=hit.end - hit.start,
            form=hit.needle.form.name,
            chain=chain,
            canary=self._canary(hit, window),
            label=hit.needle.label,
        )

    def canary(self, text: bytes) -> CanaryId | None:
        """The canary of this run that a text of marker and payload is, whatever the marker reads like."""
        if self.read is None:
            return None
        return self.read(self.marker + text[MARKER:LENGTH].decode("latin-1"))

    def _canary(self, hit: Hit, window: bytes | memoryview) -> CanaryId | None:
        form = hit.needle.form
        if hit.needle.canary is not None:
            return hit.needle.canary
        start = max(0, hit.end - form.ahead) if form.behind else hit.start
        end = hit.end if form.behind else hit.start + form.ahead
        if hit.needle.read is not None:
            before = bytes(window[max(0, start - form.lead) : start]).rjust(form.lead, b"\0")
            return hit.needle.read(form.decode(before + bytes(window[start:end])))
        if self.read is None or hit.needle.label:
            return None
        return self.canary(form.decode(bytes(window[start:end])))
