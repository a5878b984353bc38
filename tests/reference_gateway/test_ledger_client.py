"""The content plane's end of the socket: what is asked is answered, and what is said arrives."""

import asyncio

import pytest

from reference_gateway.ledger.wire import (
    REQUEST_BYTES,
    AskBalance,
    Balance,
    Held,
    Outcome,
    Refused,
    Revoked,
    Settle,
    Standing,
    Why,
    answer_frame,
    news_frame,
    read_request,
)
from tests.reference_gateway.ledger_parts import RESERVE, authorise, metered
from tests.reference_gateway.ledger_socket import ASKED, House, Worker, house, played, scripted, turns


def kill(worker: Worker) -> None:
    """What the kernel does to the socket of a process that is killed."""
    connection = worker.client._connection
    asyncio.get_running_loop().remove_reader(connection)
    connection.close()
    worker.client.alive = False


def ended(there: House) -> list[tuple[int, int]]:
    """Outcome and charge of every hold that was settled, oldest first."""
    rows = there.desk.storage._db.execute("SELECT outcome, charged FROM usage_record ORDER BY rid")
    return [tuple(row) for row in rows]


# --- asking ------------------------------------------------------------------------------------------------


def test_what_is_asked_at_once_is_answered_each_for_itself() -> None:
    async def scene() -> None:
        async with house() as there:
            worker = await there.worker()
            issued = there.desk.new_key()
            shown = authorise(issued)

            standing, stranger, balance = await asyncio.gather(
                worker.client.authorise(shown),
                worker.client.authorise(ASKED),
                worker.client.balance(AskBalance(shown.key_id, shown.tail)),
            )
            hold = await worker.held(issued)

            assert standing == Standing(shown.key_id, 1, limited=True)
            assert stranger == Refused(Why.KEY_UNUSABLE)
            assert isinstance(balance, Balance)
            assert (balance.limit, balance.spent, hold.rid) == (1000, 0, 1)

    played(scene())


def test_answers_find_their_askers_in_whatever_order_they_come() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            asked = [asyncio.ensure_future(ledger.client.reserve(RESERVE)) for _ in range(3)]
            await turns()
            seqs = [seq for seq, _ in ledger.heard(3)]

            for seq in reversed(seqs):
                ledger.end.sendall(answer_frame(seq, Held(100 + seq)))

            assert await asyncio.gather(*asked) == [Held(100 + seq) for seq in seqs]

    played(scene())


def test_a_number_that_is_still_waited_for_is_not_used_again() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            first = asyncio.ensure_future(ledger.client.authorise(ASKED))
            await turns()
            ledger.client._seq = 2**32 - 2  # as after four billion questions
            others = [asyncio.ensure_future(ledger.client.authorise(ASKED)) for _ in range(2)]
            await turns()

            seqs = [seq for seq, _ in ledger.heard(3)]
            for seq in seqs:
                ledger.end.sendall(answer_frame(seq, Refused(Why.KEY_UNUSABLE)))
            await asyncio.gather(first, *others)

            assert seqs == [1, 2**32 - 1, 2]

    played(scene())


def test_what_is_said_in_one_turn_goes_in_one_piece_and_in_its_order() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            asked = [asyncio.ensure_future(ledger.client.reserve(RESERVE)) for _ in range(2)]
            await asyncio.sleep(0)
            ledger.client.settle(metered(7, 1))
            said = ledger.end.recv(10 * REQUEST_BYTES)  # before this loop has had another turn

            assert len(said) == 3 * REQUEST_BYTES
            kinds = [read_request(said[at : at + 72])[1] for at in range(0, len(said), REQUEST_BYTES)]
            assert kinds == [RESERVE, RESERVE, metered(7, 1)]
            for task in asked:
                task.cancel()
            await turns()

    played(scene())


def test_an_end_is_handed_over_before_its_caller_goes_on_and_makes_room_for_the_next() -> None:
    async def scene() -> None:
        async with house() as there:
            worker = await there.worker()
            issued = there.desk.new_key(limit=100)
            hold = await worker.held(issued)
            wish = await worker.shown(issued)

            refused = await worker.client.reserve(wish)
            worker.client.settle(metered(hold.rid, 0))
            admitted = await worker.client.reserve(wish)

            assert refused == Refused(Why.LIMIT)
            assert isinstance(admitted, Held)

    played(scene())


def test_an_end_counts_even_if_the_worker_is_gone_at_once() -> None:
    async def scene() -> None:
        async with house() as there:
            worker = await there.worker()
            issued = there.desk.new_key()
            hold = await worker.held(issued)
            await worker.held(issued)

            worker.client.settle(metered(hold.rid, 5))
            kill(worker)
            there.server.catch_up()  # what was said; that no more will come shows behind it

            assert there.desk.record(issued).spent == 105
            assert ended(there) == [(Outcome.METERED, 5), (Outcome.ORPHANED, 100)]

    played(scene())


# --- going away --------------------------------------------------------------------------------------------


def test_a_hold_whose_asker_went_away_is_given_back() -> None:
    async def scene() -> None:
        async with house() as there:
            worker = await there.worker()
            issued = there.desk.new_key(limit=100)
            wish = await worker.shown(issued)

            asked = asyncio.ensure_future(worker.client.reserve(wish))
            await asyncio.sleep(0)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            again = await worker.client.reserve(wish)  # asked behind it, and so answered behind it
            retried = again if isinstance(again, Held) else await worker.client.reserve(wish)

            assert isinstance(retried, Held)
            assert ended(there) == [(Outcome.NOTHING_SENT, 0)]

    played(scene())


def test_a_hold_that_comes_in_the_very_turn_in_which_its_asker_goes_is_given_back() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            asked = asyncio.ensure_future(ledger.client.reserve(RESERVE))
            await turns()
            ((seq, _),) = ledger.heard(1)

            ledger.end.sendall(answer_frame(seq, Held(9)))
            ledger.client._readable()  # the answer is there, and its asker has not had its turn yet
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked

            assert ledger.heard(1) == [(0, Settle(rid=9, outcome=Outcome.NOTHING_SENT))]
            assert ledger.silent()

    played(scene())


@pytest.mark.parametrize("answer", [Refused(Why.LIMIT), Held(9)])
def test_an_answer_that_nobody_waits_for_any_more_gives_back_what_it_holds(answer: Held | Refused) -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            asked = asyncio.ensure_future(ledger.client.reserve(RESERVE))
            await turns()
            asked.cancel()
            await turns()
            ((seq, _),) = ledger.heard(1)

            ledger.end.sendall(answer_frame(seq, answer))
            ledger.client._readable()

            assert ledger.silent() == (answer == Refused(Why.LIMIT))
            assert ledger.client.alive

    played(scene())


# --- news --------------------------------------------------------------------------------------------------


def test_listeners_of_every_worker_hear_that_a_key_is_revoked() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            heard: asyncio.Queue[tuple[int, int]] = asyncio.Queue()

            def listen(worker: Worker, number: int) -> None:
                worker.client.on_revoked(lambda key_id: heard.put_nowait((number, key_id)))

            for number in range(3):
                listen(await there.worker(), number)
            await there.desk.book.rotate(issued.record.key_id, "x")
            told = {await heard.get() for _ in range(3)}

            assert told == {(number, issued.record.key_id) for number in range(3)}

    played(scene())


def test_news_that_comes_together_with_a_hold_is_heard_after_who_asked_for_the_hold_has_it() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            order: list[str] = []
            ledger.client.on_revoked(lambda _key_id: order.append("revoked"))

            async def asking() -> None:
                await ledger.client.reserve(RESERVE)
                order.append("held")

            asked = asyncio.ensure_future(asking())
            await turns()
            ((seq, _),) = ledger.heard(1)
            ledger.end.sendall(answer_frame(seq, Held(9)) + news_frame(Revoked(RESERVE.key_id)))
            await asked
            await turns()

            assert order == ["held", "revoked"]

    played(scene())


# --- a ledger that is slow to read -------------------------------------------------------------------------


def test_what_does_not_fit_into_the_socket_waits_in_its_order_and_none_of_it_is_lost() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            rids = range(1, 20_001)
            for rid in rids:
                ledger.client.settle(metered(rid, 1))
            waiting = len(ledger.client._outgoing)

            loop = asyncio.get_running_loop()
            heard = await loop.run_in_executor(None, ledger.heard, len(rids))

            assert waiting > 0
            assert [message for _, message in heard] == [metered(rid, 1) for rid in rids]
            assert not ledger.client._outgoing

    played(scene())
