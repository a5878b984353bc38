"""Everything the content plane may say to the ledger, and everything it hears back.

Messages are fixed-size: integers, enums and one 65-byte key, which is checked and dropped. There is no
field that a sentence would fit into. Times are UTC milliseconds; amounts are nano-dollars; prices are
pico-dollars per token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol


class LedgerDownError(Exception):
    """The ledger cannot answer durably; the content plane refuses rather than giving free rides."""


class Outcome(IntEnum):
    """How a forwarded request ended, as far as its cost goes."""

    METERED = 1  # a final usage object was read
    NOTHING_SENT = 2  # proven: no byte of the request reached the provider
    REFUSED = 3  # the provider gave a complete answer that is not a success
    UNKNOWN = 4  # anything else: the full hold is charged
    ORPHANED = 5  # the process that held it died: the full hold is charged


class Why(IntEnum):
    """Why a reservation was refused."""

    LIMIT = 1
    KEY_UNUSABLE = 2
    LIMIT_IS_NEW = 3  # the request was checked as one of a key without a limit


@dataclass(frozen=True, slots=True)
class Authorise:
    """Is this key usable now?"""

    key_id: int
    key: bytes

    def __repr__(self) -> str:
        return "Authorise(…)"


@dataclass(frozen=True, slots=True)
class Standing:
    """A usable key. `generation` changes with each rotation, so that a stale answer reserves nothing."""

    key_id: int
    generation: int
    limited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """Hold the worst case: `prompt_bound` and `completion_bound` tokens at these prices.

    `generation` and `limited` are those of the standing under which the request was checked.
    """

    key_id: int
    generation: int
    limited: bool
    model: int
    prompt_bound: int
    completion_bound: int
    prompt_price: int
    completion_price: int


@dataclass(frozen=True, slots=True)
class Held:
    """The hold is durable; the provider may be called once."""

    rid: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was held."""

    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """End a hold. Tokens count for METERED only. Settling twice does nothing the second time."""

    rid: int
    outcome: Outcome
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """`excess` is what the provider billed beyond the hold: a breach of its own bounds."""

    charged: int
    excess: int


class Ledger(Protocol):
    """The content plane's whole view of the ledger. Each method raises LedgerDownError."""

    async def authorise(self, message: Authorise) -> Standing | None:
        """A standing, or None for an unknown, wrong, disabled, deleted or expired key."""

    async def reserve(self, message: Reserve) -> Held | Refused:
        """Durable before it returns."""

    async def settle(self, message: Settle) -> Settled | None:
        """None when the hold was settled before."""

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        """Calls `listener(key_id)` whenever a key, or its present secret, stops being usable."""
