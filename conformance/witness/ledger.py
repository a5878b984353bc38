"""The witness's ledger: what reached the provider, what that costs, and how much of it was in flight at once.

Pure: values and arithmetic. The server is the only one that changes a `WitnessCall`.
"""

import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Literal

Endpoint = Literal["chat", "completions", "embeddings", "responses", "messages", "models", "other"]

# "/chat/completions" ends in "/completions" too, so it comes first.
_ENDPOINTS: tuple[tuple[str, Endpoint], ...] = (
    ("/chat/completions", "chat"),
    ("/completions", "completions"),
    ("/embeddings", "embeddings"),
    ("/responses", "responses"),
    ("/messages", "messages"),
    ("/models", "models"),
)


def endpoint_of(target: str) -> Endpoint:
    """Which endpoint a request target means, whatever prefix a gateway puts before it."""
    path = target.partition("?")[0].rstrip("/")
    return next((endpoint for ending, endpoint in _ENDPOINTS if path.endswith(ending)), "other")


class Outcome(Enum):
    """How the answer to a call ended."""

    OPEN = "open"  # it has not ended
    COMPLETE = "complete"  # a 2xx answer, to the last byte
    REFUSED = "refused"  # a complete answer with another status
    CUT = "cut"  # the witness cut it, by a scripted fault or because it was stopped
    LOST = "lost"  # the peer went away first
    HUNG = "hung"  # a scripted fault: no answer until the peer left or the witness was stopped


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call."""

    prompt: int = 0
    completion: int = 0


NOTHING = Usage()


def settled(generated: Usage, outcome: Outcome) -> Usage:
    """What a provider bills for a call that ended so: everything it generated, whoever listened.

    A provider that has begun goes on generating when its client leaves, and bills it. `generated` is nothing
    where the answer is a refusal, even one that nobody heard.
    """
    return NOTHING if outcome in {Outcome.OPEN, Outcome.REFUSED} else generated


@dataclass(slots=True, kw_only=True)
class WitnessCall:
    """One request that reached the provider. Only the witness changes it; its text form shows no content."""

    number: int  # 1-based, in the order in which complete requests arrived
    connection: int  # which accepted connection, 1-based: a reused one repeats its number
    peer: str
    method: str
    path: str = field(repr=False)  # the request target as it arrived, with its query
    endpoint: Endpoint
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # order, case and duplicates as they arrived
    body: bytes = field(repr=False)  # exactly what arrived; never leaves memory
    model: str | None = field(repr=False)
    stream: bool
    begun: float  # loop time in seconds: the request was complete
    ended: float | None = (
        None  # loop time: the last byte of the answer was written, or the connection was lost
    )
    prompt_tokens: int = 0  # billed tokens are settled when the answer ends
    completion_tokens: int = 0
    outcome: Outcome = Outcome.OPEN
    text: str = field(default="", repr=False)  # completion text sent so far
    canaries: Mapping[str, str] = field(default_factory=dict, repr=False)  # atoms of the answer, by field
    answer: bytes = field(default=b"", repr=False)  # body sent so far, where somebody asked for a copy

    def carries(self, token: str) -> bool:
        """Whether the body holds this text, in UTF-8 or in any escape that JSON allows for it."""
        if token.encode() in self.body:
            return True
        return b"\\" in self.body and _escaped(token).search(self.body) is not None


def bill(calls: Iterable[WitnessCall], prompt_price: int, completion_price: int) -> int:
    """What the calls cost in picodollars, from prices in picodollars per token."""
    return sum(
        call.prompt_tokens * prompt_price + call.completion_tokens * completion_price for call in calls
    )


def overlap(calls: Iterable[WitnessCall]) -> int:
    """The greatest number of calls in flight at once; one that ends as another begins does not overlap it."""
    greatest = 0
    ends: list[float] = []
    for call in sorted(calls, key=lambda call: call.begun):
        while ends and ends[0] <= call.begun:
            heapq.heappop(ends)
        heapq.heappush(ends, float("inf") if call.ended is None else call.ended)
        greatest = max(greatest, len(ends))
    return greatest


_SHORT = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t"}


@lru_cache(maxsize=1024)
def _escaped(token: str) -> re.Pattern[bytes]:
    """Every way in which a JSON string may hold the token (RFC 8259, section 7)."""
    return re.compile(b"".join(_ways(character) for character in token))


def _ways(character: str) -> bytes:
    units = character.encode("utf-16-be", "surrogatepass")
    numeric = b"".join(rb"\\u(?i:%s)" % units[at : at + 2].hex().encode() for at in range(0, len(units), 2))
    ways = [re.escape(character.encode("utf-8", "surrogatepass")), numeric]
    if character in _SHORT:
        ways.append(rb"\\" + re.escape(_SHORT[character].encode()))
    return b"(?:" + b"|".join(ways) + b")"
