"""Evidence of discovery: what the gateway's processes had open, wrote to and talked to while content passed."""

from typing import Literal

from conformance.model.coverage import Coverage
from conformance.model.evidence import Evidence, Record
from conformance.model.storage import Sighting


class GatewayProcess(Record, frozen=True, kw_only=True):
    """A process that counted as the gateway's, and why."""

    pid: int
    name: str
    why: str


class UsedPlace(Record, frozen=True, kw_only=True):
    """A file that the gateway used: what it is called, who used it, and which declared surface holds it ("": none)."""

    path: str  # a name that holds content is not repeated
    kind: Literal["file", "deleted file", "mapped file"]
    by: str  # name of the process; empty where only its folder or what stands in it says whose it is
    how: str
    declared: str
    written: bool  # since before the campaign
    bytes: int = 0
    content: bool = False  # a canary was found in it


class Peer(Record, frozen=True, kw_only=True):
    """Somebody that the gateway had a connection to, and what declares it ("": nothing)."""

    transport: Literal["tcp", "udp", "unix"]
    address: str  # host:port, or the path of a Unix socket
    by: str
    who: str  # the process at the other end, where it is on this machine
    declared: str
    looks: int  # in how many of the looks it was seen


class Output(Record, frozen=True, kw_only=True):
    """A pipe, terminal or unnamed socket through which a process of the gateway writes to somebody else."""

    what: Literal["pipe", "terminal", "socket"]
    by: str
    to: str
    accounted: str  # the surface that holds what is printed, or who reads it; empty: nobody knows


class PlacesInUse(Evidence, frozen=True, kw_only=True):
    """What was seen of the gateway's processes, in so many looks over so many seconds."""

    processes: tuple[GatewayProcess, ...]
    looks: int
    seconds: float
    places: tuple[UsedPlace, ...]
    peers: tuple[Peer, ...]
    outputs: tuple[Output, ...] = ()
    loose: tuple[str, ...] = ()  # sockets of UDP whose peers cannot be seen
    changed_nearby: int = 0  # files that somebody changed in folders shared with others; searched too
    searched: int = 0  # canaries issued
    coverage: Coverage = Coverage()
    sightings: tuple[Sighting, ...] = ()
    sightings_total: int = 0

    def seen(self) -> int:
        """Looks at processes that were there."""
        return self.looks if self.processes else 0

    def sees(self) -> bool:
        """Whether the looks are proven to show what this gateway does: a peer or a place that is declared was seen in use."""
        return any(peer.declared for peer in self.peers) or any(
            place.declared and place.written for place in self.places
        )
