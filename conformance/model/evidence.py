"""Evidence: what was seen, frozen. It has no opinion, and it never holds content or a secret."""

import msgspec

from conformance.model.scale import Fault


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A part of some evidence: frozen, compared by value, written as JSON."""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, tag_field="evidence", tag=True):
    """What one observation brought back.

    A run holds at most one value of each evidence type, in `evidence/<type>.json`; checks name the types they
    need as parameters. Subclasses say in `seen` how many facts they hold: evidence without facts
    supports no pass.
    """

    def seen(self) -> int:
        """How many facts were observed; 0 means that nothing can be concluded from this."""
        return 0


class Unobserved(msgspec.Struct, frozen=True, kw_only=True, tag_field="evidence", tag=True):
    """Stands where evidence should be: what prevented the look, whose fault that is, and what would decide it."""

    reason: str
    fault: Fault
    decide: str


class CannotObserve(Exception):
    """Raised by probes and collectors that could not look; recorded as `Unobserved`, never as an empty result."""

    def __init__(self, reason: str, *, fault: Fault, decide: str) -> None:
        super().__init__(reason)
        self.unobserved = Unobserved(reason=reason, fault=fault, decide=decide)
