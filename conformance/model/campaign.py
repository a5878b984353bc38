"""What was sent to find out whether content is kept, and what reached whom. Counts and names; no content."""

from typing import Literal

from conformance.model.evidence import Evidence, Record

PathClass = Literal["forwarded", "rejected", "aborted", "answered"]


METADATA_FIELDS = frozenset(
    {
        "answer header",
        "baggage header",
        "cache key",
        "cookie",
        "header",
        "idempotency key",
        "metadata",
        "model",
        "query",
        "request id header",
        "safety id",
        "seed",
        "user agent",
        "user id",
    }
)
"""Fields that surround content: many gateways keep them as usage metadata, and the page promises nothing of them."""


class PathRun(Record, frozen=True, kw_only=True):
    """One path through the gateway: `sent` requests with canaries, of which `counted` were proven to have taken the path.

    Forwarded paths are proven by the witness; rejecting paths by the gateway's own refusal and no call at the witness; aborted
    ones by bytes that the other side had acknowledged when the client left; answered ones, as of lists of models, by an answer
    that needed no call. `kind` is what most of the requests came to: a gateway may forward what others refuse.
    """

    path: str
    kind: PathClass
    sent: int
    counted: int
    told: tuple[str, ...]  # the distinct outcomes the client saw
    seconds: float  # from the first of them to the last
    endpoint: str = "chat"  # kind of the endpoint
    keys: int = 1  # different keys they were sent with
    connections: int = 1  # over how many connections at once they were spread, at least
    note: str = ""  # why fewer than the sample were sent, or none


class CellRun(Record, frozen=True, kw_only=True):
    """One field on one path: how many canaries were sent in it, and of how many it is proven that they took the path.

    On forwarded paths the proof is that the provider received this very canary; a field that the gateway strips is sent, not
    proven, and searched for all the same. Elsewhere it is the request's.
    """

    path: str
    field: str
    sent: int
    proven: int


class Campaign(Evidence, frozen=True, kw_only=True):
    """The canaries of a run, by path and by field."""

    sample: int
    paths: tuple[PathRun, ...]
    cells: tuple[CellRun, ...]
    keys: int  # over how many keys they were spread
    answers: int  # canaries in the provider's own answers

    def seen(self) -> int:
        """Requests proven to have taken their path."""
        return sum(path.counted for path in self.paths)


class Restarts(Evidence, frozen=True, kw_only=True):
    """Canaries in requests that were in flight when the gateway was stopped or killed, and that it came back from each time."""

    paths: tuple[PathRun, ...]
    cells: tuple[CellRun, ...]
    restarts: int  # how often the gateway went and answered again

    def seen(self) -> int:
        """Requests proven to have been in flight."""
        return sum(path.counted for path in self.paths)
