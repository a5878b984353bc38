"""The ledger of one scan: what was read, decoded, opaque, and what was left out."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from conformance.model.coverage import Artefact, Coverage, DecodedBytes, Gap
from conformance.scan.carve import Decoded

_LISTED = 50
_ARTEFACTS = 20
_BLOCK, _SAMPLE, _LEAST = 1 << 16, 1024, 512
_OPAQUE = 7.9  # bits per byte
_CROWDED = {64: 46, 512: 190}  # different bytes among so many: of random ones 57 and 221 are expected

_WEIGHTS = tuple(n * math.log2(n) if n else 0.0 for n in range(_SAMPLE + 1))


@dataclass(slots=True)
class Ledger:
    """The bytes of one item while it is scanned, in order."""

    item: str
    block: int = _BLOCK  # of so many bytes, a sample decides
    plain: int = 0
    opaque: int = 0
    decoded: Counter[str] = field(default_factory=Counter)
    _ahead: list[Decoded] = field(default_factory=list)  # decoded bytes that were not passed yet

    def classify(self, window: bytes | memoryview, at: int, end: int, decoded: Iterable[Decoded]) -> None:
        """Enter the bytes from where the last call ended to offset `end`, of a window that begins at `at`."""
        position = self.plain + self.opaque + self.decoded.total()
        pending, self._ahead = [*self._ahead, *decoded], []
        for stream in pending:
            begin, stop = max(stream.begin, position), min(stream.end, end)
            if begin < stop:
                self._undecoded(window, position - at, begin - at)
                self.decoded[stream.by] += stop - begin
                position = stop
            if stream.end > end:
                self._ahead.append(stream)
        self._undecoded(window, position - at, end - at)

    def artefact(self, unread: int = 0) -> Artefact:
        """The item, with what of it could not be read."""
        read = self.plain + self.opaque + self.decoded.total()
        return Artefact(
            item=self.item,
            size=read + unread,
            plain=self.plain,
            decoded=_by_decoder(self.decoded),
            opaque=self.opaque,
            unread=unread,
        )

    def _undecoded(self, window: bytes | memoryview, begin: int, end: int) -> None:
        for start in range(begin, end, self.block):
            block = window[start : min(start + self.block, end)]
            if is_opaque(block):
                self.opaque += len(block)
            else:
                self.plain += len(block)


@dataclass(slots=True)
class Tally:
    """Counts while scans go on; `coverage()` freezes them."""

    items: int = 0
    raw: int = 0
    decoded: int = 0
    unreadable: int = 0
    unread: int = 0
    opaque: int = 0
    _by_decoder: Counter[str] = field(default_factory=Counter)
    _gaps: dict[tuple[str, str], Gap] = field(default_factory=dict)
    _artefacts: list[Artefact] = field(default_factory=list)

    def gap(self, item: str, reason: str, *, deciding: bool = True) -> None:
        """Enter something that was not looked at; the same reason for the same item counts once."""
        self._gaps.setdefault((item, reason), Gap(item=item, reason=reason, deciding=deciding))

    def lost(self, item: str, reason: str, *, unread: int = 0) -> None:
        """Enter an item that could not be read, or not to its end, and how many bytes of it are known to be there."""
        self.unreadable += 1
        self.gap(item, reason)
        if unread:
            self.enter(Artefact(item=item, size=unread, unread=unread))

    def enter(self, artefact: Artefact) -> None:
        """Enter an item's bytes, or those of its rest."""
        self.opaque += artefact.opaque
        self.unread += artefact.unread
        for decoded in artefact.decoded:
            self._by_decoder[decoded.by] += decoded.bytes
        self._artefacts.append(artefact)
        if len(self._artefacts) > 2 * _ARTEFACTS:
            self._artefacts = _worst(self._artefacts)

    def merge(self, coverage: Coverage) -> None:
        """Enter what a ledger of one item said."""
        self.items += coverage.items
        self.raw += coverage.bytes_raw
        self.decoded += coverage.bytes_decoded
        self.unreadable += coverage.unreadable
        for artefact in coverage.artefacts:
            self.enter(artefact)
        for gap in coverage.gaps:
            self.gap(gap.item, gap.reason, deciding=gap.deciding)

    def coverage(self) -> Coverage:
        """The ledger as evidence: deciding gaps first, at most fifty listed."""
        gaps = sorted(self._gaps.values(), key=lambda gap: (not gap.deciding, gap.item, gap.reason))
        return Coverage(
            items=self.items,
            bytes_raw=self.raw,
            bytes_decoded=self.decoded,
            bytes_opaque=self.opaque,
            bytes_unread=self.unread,
            decoded=_by_decoder(self._by_decoder),
            unreadable=self.unreadable,
            gaps=tuple(gaps[:_LISTED]),
            gaps_unlisted=max(0, len(gaps) - _LISTED),
            artefacts=tuple(_worst(self._artefacts)),
        )


def is_opaque(block: bytes | memoryview) -> bool:
    """Whether a block looks compressed or encrypted, by a kilobyte from its middle."""
    middle = max(0, len(block) - _SAMPLE) // 2
    sample = bytes(block[middle : middle + _SAMPLE])
    if len(sample) < _LEAST or any(len(set(sample[:size])) < least for size, least in _CROWDED.items()):
        return False
    return _entropy(sample) > _OPAQUE


def _entropy(sample: bytes) -> float:
    """Bits per byte; what a small sample lacks by chance is added (Miller and Madow, 1955)."""
    size, counts = len(sample), Counter(sample)
    plain = math.log2(size) - sum(map(_WEIGHTS.__getitem__, counts.values())) / size
    return plain + (len(counts) - 1) / (2 * size * math.log(2))


def _by_decoder(counts: Counter[str]) -> tuple[DecodedBytes, ...]:
    return tuple(DecodedBytes(by=by, bytes=size) for by, size in sorted(counts.items()))


def _worst(artefacts: list[Artefact]) -> list[Artefact]:
    return sorted(artefacts, key=lambda a: (-a.opaque - a.unread, -a.size, a.item))[:_ARTEFACTS]
