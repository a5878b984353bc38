"""The ledger of one scan: what was read, decoded, opaque, and what was left out."""

import zlib
from dataclasses import dataclass, field

from conformance.model.storage import Coverage, Gap

_LISTED = 50
_BLOCK, _SAMPLE, _LEAST = 1 << 16, 4096, 512


@dataclass(slots=True)
class Tally:
    """Counts while scans go on; `coverage()` freezes them."""

    items: int = 0
    raw: int = 0
    decoded: int = 0
    opaque: int = 0
    unreadable: int = 0
    _gaps: dict[tuple[str, str], Gap] = field(default_factory=dict)

    def gap(self, item: str, reason: str, *, deciding: bool = True) -> None:
        """Enter something that was not looked at; the same reason for the same item counts once."""
        self._gaps.setdefault((item, reason), Gap(item=item, reason=reason, deciding=deciding))

    def lost(self, item: str, reason: str) -> None:
        """Enter an item that could not be read."""
        self.unreadable += 1
        self.gap(item, reason)

    def coverage(self) -> Coverage:
        """The ledger as evidence: deciding gaps first, at most fifty listed."""
        gaps = sorted(self._gaps.values(), key=lambda gap: (not gap.deciding, gap.item, gap.reason))
        return Coverage(
            items=self.items,
            bytes_raw=self.raw,
            bytes_decoded=self.decoded,
            bytes_opaque=min(self.opaque, self.raw),
            unreadable=self.unreadable,
            gaps=tuple(gaps[:_LISTED]),
            gaps_unlisted=max(0, len(gaps) - _LISTED),
        )


def opaque_bytes(chunk: bytes) -> int:
    """How much of a chunk looks compressed or encrypted: of each 64 KiB, deflate cannot shrink 4 KiB."""
    opaque = 0
    for start in range(0, len(chunk), _BLOCK):
        size = min(_BLOCK, len(chunk) - start)
        middle = start + max(0, size - _SAMPLE) // 2
        sample = chunk[middle : middle + _SAMPLE]
        if len(sample) >= _LEAST and len(zlib.compress(sample, 1)) >= len(sample):
            opaque += size
    return opaque
