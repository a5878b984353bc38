"""A path through the gateway, as an entry of a table: how a request takes it, how many do, and what shows that they did."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from conformance.model.campaign import PathClass
from conformance.probes.retention.arrivals import Arrivals
from conformance.probes.retention.keyring import KeyKind, Keyring
from conformance.probes.retention.letters import Letter, Writer
from conformance.probes.retention.sending import Lines, Sent
from conformance.session import Session
from conformance.witness.ledger import Outcome

HEAVY, HUGE = 6, 2  # at most so many requests of a path that costs much


class Stage(IntEnum):
    """When a path is taken. Inside a stage all paths are mixed, so that each is spread over time."""

    MIXED = 0
    FAILING = (
        1  # gateways put a provider that failed into a cooldown, and later canaries would never leave them
    )
    HURRIED = 2  # one whose callers hurry may refuse everybody for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the campaign works with."""

    session: Session
    lines: Lines
    arrivals: Arrivals
    keys: Keyring
    models: Mapping[str, str]  # kind of endpoint → model that is called there


Send = Callable[[Desk, Letter, int], Awaitable[Sent]]


async def posted(desk: Desk, letter: Letter, number: int) -> Sent:
    """The ordinary way."""
    return await desk.lines.post(letter)


def every(sample: int) -> int:
    """As many as the profile says."""
    return sample


def heavy(sample: int) -> int:
    """A few: each takes much time or room."""
    return max(2, min(HEAVY, sample // 10))


def huge(sample: int) -> int:
    """One or two."""
    return max(1, min(HUGE, sample // 30))


def none(count: int) -> int:
    """Nothing."""
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """One way through the gateway."""

    name: str
    kind: PathClass  # what it is meant to be
    write: Callable[[Writer], Letter]
    send: Send = posted
    may: frozenset[PathClass] = frozenset()  # what else it may turn out to be
    mixed: bool = False  # requests of several kinds, all of which count
    endpoint: str = "chat"
    method: str = "POST"
    key: KeyKind = "ample"
    count: Callable[[int], int] = every  # of requests, of the profile's sample
    each: int = 1  # HTTP requests for one of them
    bulk: Callable[[int], int] = none  # bytes of prompts of so many requests beyond ordinary calls', at most
    outcomes: frozenset[Outcome] = frozenset()  # how the provider's call must have ended; empty: in any way
    calls: int = 1  # at the provider, for one request; fewer are noted
    refusals: frozenset[int] = frozenset()  # statuses of its own refusal, where not every one is
    stage: Stage = Stage.MIXED
    note: str = ""

    def classes(self) -> frozenset[PathClass]:
        """What its requests may come to and count."""
        return self.may | {self.kind}

    def refused(self, status: int) -> bool:
        """Whether an answer is the gateway's own refusal, and neither its provider's cooldown nor its rate limit."""
        if self.refusals:
            return status in self.refusals
        return 400 <= status <= 501 and status != 429
