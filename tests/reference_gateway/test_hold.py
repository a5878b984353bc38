import asyncio
from collections.abc import Callable

import pytest

from reference_gateway.content.envelope import Envelope, read_envelope
from reference_gateway.content.hold import held
from reference_gateway.content.meter import Usage
from reference_gateway.content.sealed import Sealed
from reference_gateway.ledger.wire import (
    AskBalance,
    Authorise,
    Balance,
    Endpoint,
    Held,
    Outcome,
    Refused,
    Reserve,
    Settle,
    Standing,
    Why,
)
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway.test_envelope import MODEL

BODY = b'{"model":"m","messages":[{"role":"user","content":"a"}]}'
STANDING = Standing(5, 1, limited=True)


class Recorder:
    """A ledger that gives one answer to every reservation and remembers what it was told."""

    def __init__(self, answer: Held | Refused = Held(5)) -> None:  # noqa: B008 - frozen
        self.answer = answer
        self.reserved: list[Reserve] = []
        self.settled: list[Settle] = []

    async def authorise(self, message: Authorise) -> Standing | Refused:
        return Standing(message.key_id, 1, limited=True)

    async def balance(self, message: AskBalance) -> Balance | Refused:
        raise NotImplementedError

    async def reserve(self, message: Reserve) -> Held | Refused:
        self.reserved.append(message)
        return self.answer

    def settle(self, message: Settle) -> None:
        self.settled.append(message)

    def on_revoked(self, listener: Callable[[int], None]) -> None:
        del listener


def envelope() -> Envelope:
    return read_envelope(Endpoint.CHAT, Sealed(BODY), {"m": MODEL}, limited=True)


@pytest.mark.parametrize("failure", [RuntimeError, asyncio.CancelledError])
def test_whatever_breaks_off_is_charged_in_full(failure: type[BaseException]) -> None:
    ledger = Recorder()

    async def scene() -> None:
        async with held(ledger, STANDING, envelope()):
            raise failure

    with pytest.raises(failure):
        asyncio.run(scene())
    assert [message.outcome for message in ledger.settled] == [Outcome.UNKNOWN]


def test_the_first_settling_counts() -> None:
    ledger = Recorder()

    async def scene() -> None:
        async with held(ledger, STANDING, envelope()) as hold:
            hold.settle(Outcome.NOTHING_SENT)
            hold.settle_by(Usage(1, 1))

    asyncio.run(scene())

    assert [message.outcome for message in ledger.settled] == [Outcome.NOTHING_SENT]


def test_what_is_reserved_are_tokens_and_the_place_of_a_model() -> None:
    ledger, asked = Recorder(), envelope()

    async def scene() -> None:
        async with held(ledger, STANDING, asked):
            pass

    asyncio.run(scene())

    assert ledger.reserved == [
        Reserve(
            key_id=5,
            generation=1,
            limited=True,
            endpoint=Endpoint.CHAT,
            model=MODEL.place,
            prompt_bound=asked.prompt_bound,
            completion_bound=asked.completion_bound,
        )
    ]


FAULTS = {
    Why.LIMIT: Fault.LIMIT,
    Why.ACCOUNT_LIMIT: Fault.ACCOUNT_LIMIT,
    Why.KEY_UNUSABLE: Fault.BAD_KEY,
    Why.LIMIT_IS_NEW: Fault.KEY_CHANGED,
    Why.OUT_OF_SCOPE: Fault.OUT_OF_SCOPE,
    Why.MODEL_SUSPENDED: Fault.MODEL_SUSPENDED,
    Why.DOWN: Fault.LEDGER_DOWN,
}


@pytest.mark.parametrize("why", Why)
def test_every_no_of_the_ledger_has_words_for_the_caller_and_holds_nothing(why: Why) -> None:
    ledger = Recorder(Refused(why))

    async def scene() -> None:
        async with held(ledger, STANDING, envelope()):
            pytest.fail("nothing was held")

    with pytest.raises(RefusalError) as refusal:
        asyncio.run(scene())
    assert refusal.value.fault is FAULTS[why]
    assert ledger.settled == []
