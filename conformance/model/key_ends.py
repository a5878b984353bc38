"""What was seen of what is open or still to come when a key ends: streams, connections, a date. No secret is in here."""

from typing import Literal

from conformance.model.evidence import Evidence, Record
from conformance.model.keys import Death
from conformance.model.presented import State


class CutStream(Record, frozen=True, kw_only=True):
    """A stream under way when its key was ended, beside one of a sibling key, and a connection that had served the key before.

    `late` counts characters of text that the provider made after that and the caller got all the same; `sibling_late` likewise
    of the sibling's stream. Times are milliseconds after the command that ended the key was answered.
    """

    how: Literal["revoke", "disable"]
    opened: bool  # both streams had brought text before the end
    refused: bool  # a call on a fresh connection was refused once the deadline had passed; what comes later is late
    late: int
    sibling_late: int
    last_ms: int | None  # when the last text came; None: none came any more
    begun_late: int  # calls of the provider for its stream that began after that
    kept_before: bool  # the kept connection served the key before the end
    kept_after: str  # what a call on it was told at the end: a status, or what happened instead

    def kept_serves(self) -> bool:
        """Whether the ended key was served on a connection that had known it."""
        return self.kept_after.startswith("2")


class OpenStreams(Evidence, frozen=True, kw_only=True):
    """Streams under way when their keys were ended."""

    streams: tuple[CutStream, ...]

    def seen(self) -> int:
        """Streams that were under way."""
        return sum(stream.opened for stream in self.streams)


class Expiry(Evidence, frozen=True, kw_only=True):
    """Keys made to end at a date: one soon, one in the past.

    `soon` counts from the latest moment by our clock that the date can mean, and `offset_ms` is how far the gateway's clock is
    ahead of ours, by the Date of its answers. `past`: whether a key that had ended before it was made was
    refused at its creation, was dead, or was served; `past_told` is what showed it.
    """

    absent: str = ""
    offset_ms: int | None = None
    soon: Death | None = None
    past: Literal["refused", "dead", "served", "unknown"] = "unknown"
    past_told: str = ""

    def seen(self) -> int:
        """Keys that were watched past their date."""
        return int(self.soon is not None) + int(self.past != "unknown")


class OwnerRemoval(Evidence, frozen=True, kw_only=True):
    """The owner of a key was removed while a key of another owner lived on. `refused`: with which status it was not."""

    absent: str = ""
    refused: str = ""
    death: Death | None = None

    def seen(self) -> int:
        """1 once it is known what the gateway does."""
        return int(bool(self.absent or self.refused or self.death))


class Risen(Record, frozen=True, kw_only=True):
    """A key that was dead before the gateway ended, as it was answered when the gateway served a living key again."""

    state: State
    way: str  # how the gateway ended
    told: str
    served: bool
    refused: int
    asked: int


class Resurrection(Evidence, frozen=True, kw_only=True):
    """Dead keys after ends of the gateway. `alive` are states whose key was served before, so that it could not rise."""

    keys: tuple[Risen, ...]
    alive: tuple[State, ...] = ()

    def seen(self) -> int:
        """Keys that were asked about."""
        return len(self.keys)
