"""How far a scan reached: every byte of every artefact in exactly one class."""

from conformance.model.evidence import Record


class Gap(Record, frozen=True, kw_only=True):
    """Something that was not looked at, and why."""

    item: str
    reason: str
    deciding: bool = True  # whether absence of sightings proves less because of it


class DecodedBytes(Record, frozen=True, kw_only=True):
    """Bytes that a decoder read to the end of their stream; what it put out was scanned too."""

    by: str
    bytes: int


class Artefact(Record, frozen=True, kw_only=True):
    """One file, table or other item. Its bytes are plain, decoded, opaque or unread, and nothing else.

    Decoded and opaque bytes are searched as they lie, too. Opaque are those whose entropy is above 7.9 bits per byte,
    by a sample of each 64 KiB, and that no decoder here reads: encrypted, compressed in an unknown way, or random.
    """

    item: str
    size: int
    plain: int = 0
    decoded: tuple[DecodedBytes, ...] = ()
    opaque: int = 0
    unread: int = 0

    def adds_up(self) -> bool:
        """Whether every byte is in one class."""
        return self.size == self.plain + sum(d.bytes for d in self.decoded) + self.opaque + self.unread


class Coverage(Record, frozen=True, kw_only=True):
    """The ledger of a scan. `bytes_raw` were read, and are plain, decoded by something, or opaque."""

    items: int = 0
    bytes_raw: int = 0
    bytes_decoded: int = 0  # what decoders put out, scanned too
    bytes_opaque: int = 0
    bytes_unread: int = 0  # known to be there, but not read
    decoded: tuple[DecodedBytes, ...] = ()  # of the raw ones, by decoder
    unreadable: int = 0  # items
    gaps: tuple[Gap, ...] = ()
    gaps_unlisted: int = 0
    artefacts: tuple[Artefact, ...] = ()  # those with most opaque and unread bytes first, at most twenty

    def deciding_gaps(self) -> tuple[Gap, ...]:
        """The gaps because of which an empty result proves nothing."""
        return tuple(gap for gap in self.gaps if gap.deciding)

    def bytes_plain(self) -> int:
        """Bytes that were searched as they lie and need no decoder."""
        return self.bytes_raw - self.bytes_opaque - sum(d.bytes for d in self.decoded)


class ScanEngine(Record, frozen=True, kw_only=True):
    """What searched: the fastest library of those that found everything that was planted before the scan."""

    name: str
    version: str
    patterns: int
    turned_down: tuple[str, ...] = ()  # others, and why
