import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from reference_gateway.content.envelope import Envelope, read_envelope
from reference_gateway.content.hold import held
from reference_gateway.content.meter import Usage
from reference_gateway.content.sealed import Sealed
from reference_gateway.ledger.wire import (
    Authorise,
    Held,
    Outcome,
    Refused,
    Reserve,
    Settle,
    Settled,
    Standing,
)
from tests.reference_gateway.test_envelope import MODEL

BODY = b'{"model":"m","messages":[{"role":"user","content":"a"}]}'


class Recorder:
    """A ledger that admits everything and remembers what it was told."""

    def __init__(self) -> None:
        self.settled: list[Settle] = []

    async def authorise(self, message: Authorise) -> Standing | None:
        return Standing(message.key_id, 1, limited=True)

    async def reserve(self, message: Reserve) -> Held | Refused:
        return Held(message.key_id)

    async def settle(self, message: Settle) -> Settled | None:
        self.settled.append(message)
        return Settled(0, 0)

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        del listener


def envelope() -> Envelope:
    return read_envelope(Sealed(BODY), {"m": replace(MODEL)}, limited=True)


@pytest.mark.parametrize("failure", [RuntimeError, asyncio.CancelledError])
def test_whatever_breaks_off_is_charged_in_full(failure: type[BaseException]) -> None:
    ledger = Recorder()

    async def scene() -> None:
        async with held(ledger, Standing(5, 1, limited=True), envelope(), lambda: None):
            raise failure

    with pytest.raises(failure):
        asyncio.run(scene())
    assert [message.outcome for message in ledger.settled] == [Outcome.UNKNOWN]


def test_the_first_settling_counts() -> None:
    ledger = Recorder()

    async def scene() -> None:
        async with held(ledger, Standing(5, 1, limited=True), envelope(), lambda: None) as hold:
            await hold.settle(Outcome.NOTHING_SENT)
            await hold.settle_by(Usage(1, 1))

    asyncio.run(scene())

    assert [message.outcome for message in ledger.settled] == [Outcome.NOTHING_SENT]


@pytest.mark.parametrize(("limited", "overruns"), [(True, 1), (False, 0)])
def test_more_prompt_tokens_than_bytes_break_the_bound_of_a_limited_key(limited: bool, overruns: int) -> None:
    told: list[bool] = []

    async def scene() -> None:
        async with held(Recorder(), Standing(5, 1, limited), envelope(), lambda: told.append(True)) as hold:
            await hold.settle_by(Usage(10_000, 1))

    asyncio.run(scene())

    assert len(told) == overruns
