"""Evidence of what well-known paths for debugging and operation show to anybody who asks."""

from conformance.model.coverage import Coverage
from conformance.model.evidence import Evidence, Record
from conformance.model.storage import Sighting


class ShownPath(Record, frozen=True, kw_only=True):
    """A path that showed something without a credential."""

    url: str
    status: int
    bytes: int
    streamed: bool = False  # it went on while content passed, and was read all the while


class OpenPaths(Evidence, frozen=True, kw_only=True):
    """Paths that many programs serve for their operators, asked for without a credential before and after content passed."""

    asked: int
    answered: int
    unanswered: tuple[str, ...]
    shown: tuple[ShownPath, ...]
    searched: int  # canaries issued
    coverage: Coverage = Coverage()
    sightings: tuple[Sighting, ...] = ()
    sightings_total: int = 0

    def seen(self) -> int:
        """Paths that were answered, with a refusal or otherwise."""
        return self.answered
