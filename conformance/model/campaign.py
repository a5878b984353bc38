"""What was sent to find out whether content is kept, and what reached whom. Counts and names; no content."""

from typing import Literal

from conformance.model.evidence import Evidence, Record

PathClass = Literal["forwarded", "rejected", "aborted"]


METADATA_FIELDS = frozenset({"model", "user id", "metadata", "header", "query", "cookie"})
"""Fields that surround content: many gateways keep them as usage metadata, and the page promises nothing of them."""


class PathRun(Record, frozen=True, kw_only=True):
    """One path through the gateway: `sent` requests with canaries, of which `counted` were proven to have taken the path.

    Forwarded paths are proven by the witness; rejecting paths by the gateway's own refusal and no call at the witness; aborted
    ones by bytes that the client had received when it left.
    """

    path: str
    kind: PathClass
    sent: int
    counted: int
    told: tuple[str, ...]  # the distinct outcomes the client saw
    seconds: float


class FieldRun(Record, frozen=True, kw_only=True):
    """One field that carried canaries: how many were sent in it, how many of them the provider received."""

    field: str
    sent: int
    forwarded: int


class Campaign(Evidence, frozen=True, kw_only=True):
    """The canaries of a run, by path and by field."""

    sample: int
    paths: tuple[PathRun, ...]
    fields: tuple[FieldRun, ...]
    keys: int  # over how many keys they were spread
    answers: int  # canaries in the provider's own answers

    def seen(self) -> int:
        """Requests proven to have taken their path."""
        return sum(path.counted for path in self.paths)


class Forwarding(Evidence, frozen=True, kw_only=True):
    """What the provider received beside the content, and whether each served call reached it once.

    Only calls that the gateway served whole are counted in `seen_…`, `repeated_…` and `…_unchanged`.
    """

    calls: int
    served: int
    seen_once: int
    seen_never: int
    seen_more: int
    repeated_served: int  # calls whose prompt had been, or was to be, asked twice
    repeated_seen: int  # calls at the witness for them
    key_sightings: tuple[
        str, ...
    ]  # where in provider calls a gateway key stood: header names, "body", "path"
    cookie_sightings: tuple[str, ...]
    address_sightings: tuple[str, ...]
    prompts_unchanged: int
    answers_unchanged: int

    def seen(self) -> int:
        """Calls at the witness that were examined."""
        return self.seen_once + self.seen_more
