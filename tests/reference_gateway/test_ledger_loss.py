"""The loss of the ledger, as the content plane sees it: refusal for everybody, and no way back."""

import asyncio
import socket

import pytest

from reference_gateway.content.ledger_client import LedgerClient
from reference_gateway.events import Route
from reference_gateway.ledger.wire import (
    ANSWER_BYTES,
    AskBalance,
    Finished,
    Held,
    LedgerDownError,
    Refused,
    Why,
    answer_frame,
)
from tests.reference_gateway.ledger_faulty import Faulty
from tests.reference_gateway.ledger_parts import RESERVE, metered
from tests.reference_gateway.ledger_socket import ASKED, house, played, scripted, turns


def test_a_lost_ledger_means_refusal_for_all_who_wait_and_for_all_who_come_later() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            client = ledger.client
            waiting = [
                asyncio.ensure_future(client.authorise(ASKED)),
                asyncio.ensure_future(client.balance(AskBalance(5, bytes(49)))),
                asyncio.ensure_future(client.reserve(RESERVE)),
            ]
            await turns()

            ledger.end.close()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            client.settle(metered(1, 1))
            client.finished(Finished(number=0, route=Route.CHAT, status=503, milliseconds=1))
            with pytest.raises(LedgerDownError):
                await client.authorise(ASKED)

            assert [type(answer) for answer in answers] == [LedgerDownError] * 3
            assert (client.alive, ledger.losses) == (False, 1)

    played(scene())


def test_a_loss_that_shows_while_something_is_said_is_a_loss_too() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            waiting = asyncio.ensure_future(ledger.client.reserve(RESERVE))
            await turns()

            ledger.end.close()
            ledger.client.settle(metered(1, 1))
            (answer,) = await asyncio.gather(waiting, return_exceptions=True)

            assert isinstance(answer, LedgerDownError)
            assert (ledger.client.alive, ledger.losses) == (False, 1)

    played(scene())


def test_a_ledger_that_never_greets_is_lost() -> None:
    async def scene() -> None:
        ours, theirs = socket.socketpair()
        losses: list[None] = []
        theirs.close()

        with pytest.raises(LedgerDownError):
            await LedgerClient(ours).open(lambda: losses.append(None))

        assert len(losses) == 1

    played(scene())


@pytest.mark.parametrize("frame", [bytes(ANSWER_BYTES), answer_frame(77, Held(1))], ids=["junk", "unasked"])
def test_a_ledger_that_makes_no_sense_is_lost(frame: bytes) -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            waiting = asyncio.ensure_future(ledger.client.reserve(RESERVE))
            await turns()

            ledger.end.sendall(frame)
            (answer,) = await asyncio.gather(waiting, return_exceptions=True)

            assert isinstance(answer, LedgerDownError)
            assert ledger.losses == 1

    played(scene())


def test_hanging_up_says_what_was_not_said_yet_and_is_no_loss() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            number, _ = ledger.client.next_request()
            last = Finished(number=number, route=Route.CHAT, status=200, milliseconds=1)

            ledger.client.finished(last)
            ledger.client.close()

            assert ledger.heard(1) == [(0, last)]
            assert ledger.end.recv(1) == b""
            assert ledger.losses == 0

    played(scene())


def test_a_storage_that_fails_is_a_no_and_no_loss() -> None:
    async def scene() -> None:
        async with house() as there:
            assert isinstance(there.desk.storage, Faulty)
            worker = await there.worker()
            wish = await worker.shown(there.desk.new_key())

            there.desk.storage.full = True
            refused = await worker.client.reserve(wish)
            there.desk.storage.full = False

            assert refused == Refused(Why.DOWN)
            assert isinstance(await worker.client.reserve(wish), Held)
            assert worker.losses == []

    played(scene())
