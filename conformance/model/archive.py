"""What scanning archived surfaces brought. Counts, names and offsets; no content."""

from conformance.model.coverage import Coverage, ScanEngine
from conformance.model.evidence import Record
from conformance.model.storage import CanaryId, Sighting


class PromptSent(Record, frozen=True, kw_only=True):
    """A text exactly as it was sent, by one of its canaries: what digests are computed of. Kept in a run's private half."""

    canary: CanaryId
    text: str


class ScannedItem(Record, frozen=True, kw_only=True):
    """One file after its scan."""

    identity: tuple[int, int, int, int]  # device, inode, size, modification in nanoseconds
    coverage: Coverage
    sightings: tuple[Sighting, ...] = ()  # the first so many
    sightings_total: int = 0
    controls: int = 0  # sightings of canaries that the suite planted itself


class ArchiveScan(Record, frozen=True, kw_only=True):
    """Files and folders, scanned for every canary of a run."""

    run: str
    scanned: str  # RFC 3339, UTC
    paths: tuple[str, ...]
    engine: ScanEngine
    deep: bool  # whether streams were decoded and clues followed
    searched: int  # canaries that the run issued, as far as is known
    prompts: int  # whose digests were searched for
    resumed: int  # files taken over from an interrupted scan
    coverage: Coverage
    sightings: tuple[Sighting, ...] = ()
    sightings_total: int = 0
    controls: int = 0  # sightings of canaries that the suite planted itself: they show that the scan sees, and nothing else

    def undecided(self) -> tuple[str, ...]:
        """Why the absence of sightings would prove little; empty where it does prove something."""
        reasons = [f"{gap.item}: {gap.reason}" for gap in self.coverage.deciding_gaps()]
        reasons += [
            f"{artefact.item}: {artefact.opaque:,} of its {artefact.size:,} bytes are opaque: encrypted, or compressed in an "
            "unknown way"
            for artefact in self.coverage.artefacts
            if 2 * artefact.opaque > artefact.size
        ]
        if not self.coverage.bytes_raw:
            reasons.append("not one byte could be read")
        if not self.deep:
            reasons.append("nothing was decoded: this was a quick look")
        return tuple(reasons)

    def exit_code(self) -> int:
        """0: nothing found, and covered; 1: sightings; 3: undecided."""
        if self.sightings_total:
            return 1
        return 3 if self.undecided() else 0
