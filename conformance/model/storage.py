"""Evidence from inside: what was found where content or keys could be kept, and how far the look reached."""

from conformance.model.coverage import Coverage, Gap, ScanEngine
from conformance.model.evidence import Evidence, Record

__all__ = [
    "CONTROL_PATH",
    "CanaryId",
    "Coverage",
    "Gap",
    "ScannedSurface",
    "SeenCell",
    "Sighting",
    "StoredForm",
    "StoredKey",
    "StoredKeys",
    "SurfaceControl",
    "SurfaceScan",
    "SurfaceSize",
]


CONTROL_PATH = "control"
"""The path of canaries that the suite plants itself: finding them shows that a scan sees, and nothing else."""


class CanaryId(Record, frozen=True, kw_only=True):
    """What an atom says once its check digits were verified. `copy` counts repetitions inside one field."""

    sequence: int
    path: str
    field: str
    copy: int


class Sighting(Record, frozen=True, kw_only=True):
    """Something searched for was found. It says what, where and how, never what stands around it."""

    surface: str  # locator of the surface
    item: str  # path, or table.column and row
    offset: int  # bytes into the item; where `chain` is not empty, of the outermost encoded run
    length: int  # bytes of the pattern that matched
    form: str
    chain: tuple[str, ...] = ()  # decodings, outermost first
    canary: CanaryId | None = None  # None: the run's marker alone, with a payload cut off or altered
    label: str = ""  # which secret, where secrets were searched for

    def what(self) -> str:
        """What was found, in words: the request and field that it travelled in."""
        canary = self.canary
        if canary is None:
            return "the marker alone, its payload cut off or altered"
        return f"request {canary.sequence}, field {canary.field}, path {canary.path}, copy {canary.copy}"

    def how(self) -> str:
        """In which form, and through which decodings, innermost first."""
        return " in ".join((self.form, *reversed(self.chain)))

    def where(self) -> str:
        """Where it lies, for as much as an offset says where something is decoded."""
        item = self.item if self.item.startswith(self.surface) else f"{self.surface}: {self.item}"
        return f"{item} at byte {self.offset:,}"

    def is_control(self) -> bool:
        """Whether the suite planted it itself."""
        return self.canary is not None and self.canary.path == CONTROL_PATH


class SurfaceSize(Record, frozen=True, kw_only=True):
    """How large a surface was at one moment."""

    bytes: int
    items: int
    newest: float = 0.0  # latest modification, seconds since the epoch


class SurfaceControl(Record, frozen=True, kw_only=True):
    """What showed that the scan can see what the gateway writes there."""

    kind: str  # "planted", "request", "value of this run", "canary", "counted this run" or "growth"
    decisive: bool  # whether it allows a pass; growth alone shows life, not sight
    detail: str


class SeenCell(Record, frozen=True, kw_only=True):
    """How many different canaries of one field on one path were seen on a surface."""

    path: str
    field: str
    canaries: int


class ScannedSurface(Record, frozen=True, kw_only=True):
    """One declared surface after a scan for every canary of the run."""

    locator: str
    kind: str
    role: str
    encryption: str
    coverage: Coverage
    sightings: tuple[Sighting, ...] = ()
    sightings_total: int = 0  # the list above is cut to the first of each canary and form
    canaries: int = 0  # different canaries seen
    cells: tuple[SeenCell, ...] = ()  # all of them, by path and field
    controls: tuple[SurfaceControl, ...] = ()
    planted: int = 0  # canaries that the operator's command wrote there, before the campaign and at the end
    planted_found: int = 0
    sensitivity: float = (
        1.0  # share that the scan sees of what is there: of planted canaries, else of the engine's self-test
    )
    behind: str = ""  # what was written last and was not found, so that the scan may have come too early
    quiet: bool = True  # sizes stood still before the scan began
    seconds: float = 0.0

    def proven(self) -> bool:
        """Whether a decisive control showed that the scan sees what is written here."""
        return any(control.decisive for control in self.controls)

    def doubt(self) -> str:
        """Why the absence of content from the surface proves nothing; empty where it does."""
        gaps = self.coverage.deciding_gaps()
        if gaps:
            more = f" and {len(gaps) - 1} more" if len(gaps) > 1 else ""
            return f"{self.locator}: {gaps[0].item}: {gaps[0].reason}{more}"
        if self.behind:
            return f"{self.locator}: {self.behind}: what is written there may come later than the scan did"
        if self.proven():
            return ""
        if self.controls:
            return f"{self.locator}: it grew during the run, but nothing known to lie there was found: its sight is unproven"
        return f"{self.locator}: nothing shows that the gateway writes there or that the scan would see it"


class SurfaceScan(Evidence, frozen=True, kw_only=True):
    """Every declared surface, scanned for every canary of the run."""

    surfaces: tuple[ScannedSurface, ...]
    searched: int  # canaries issued
    forms: int  # patterns of one marker
    engine: ScanEngine | None = None  # what searched
    run: str = ""  # whose canaries they are
    prompts: int = 0  # whose digests were searched for
    scanned: str = ""  # when, RFC 3339, UTC
    blind: tuple[
        str, ...
    ] = ()  # ways of hiding a canary that the engine did not see through in its self-test

    def found(self) -> int:
        """Sightings of content, and of what surrounds it."""
        return sum(surface.sightings_total for surface in self.surfaces)

    def seen(self) -> int:
        """Bytes scanned, provided that there was something to look for."""
        return sum(s.coverage.bytes_raw for s in self.surfaces) if self.searched else 0


class StoredForm(Record, frozen=True, kw_only=True):
    """One way in which a key, or a verifier of it, is stored."""

    stored: str  # class: plain, encoded, fast-unsalted, shared-salt, salted-per-key, keyed, kdf, …
    surface: str
    item: str
    detail: str = ""  # algorithm, order, encoding; never key material or its digest
    salt_bits: int = 0
    digest_bits: int = 0


class StoredKey(Record, frozen=True, kw_only=True):
    """What one key created in this run left behind."""

    label: str  # k1, k2, …: never the key
    control: bool  # a record that names the key was found on an account surface
    forms: tuple[StoredForm, ...] = ()
    unexplained: int = 0  # digest-sized values in the key's records that no candidate reproduces
    hashes_tried: int = 0


class StoredKeys(Evidence, frozen=True, kw_only=True):
    """The keys created in this run, looked for in everything the gateway stores."""

    keys: tuple[StoredKey, ...]
    surfaces: tuple[str, ...]  # locators searched
    coverage: Coverage
    encrypted: tuple[str, ...] = ()  # account surfaces that are declared encrypted below the application

    def seen(self) -> int:
        """Keys looked for, provided that something was read."""
        return len(self.keys) if self.coverage.bytes_raw else 0
