"""The ledger's end of the sockets: who is heard, who is hung up on, and what is charged then."""

import asyncio
import socket
from pathlib import Path

import pytest

from reference_gateway.events import Event, Kind
from reference_gateway.ledger.accounts import Issued
from reference_gateway.ledger.wire import (
    ANSWER_BYTES,
    Authorise,
    Endpoint,
    Greeting,
    Held,
    Outcome,
    Refused,
    Settle,
    Standing,
    Why,
    answer_frame,
    notice_frame,
    question_frame,
    read_answer,
)
from tests.reference_gateway.ledger_faulty import Faulty
from tests.reference_gateway.ledger_parts import Desk, authorise, done, metered, on_disk, reserve_for
from tests.reference_gateway.ledger_socket import House, answers, house, played

UNKNOWN = question_frame(1, Authorise(404, bytes(49), Endpoint.CHAT))
JUNK = b"\xff" * 72


def told(there: House, end: socket.socket, said: bytes) -> object:
    """What the ledger answers to one frame."""
    end.sendall(said)
    there.server.catch_up()
    return read_answer(answers(end, 1))[1]


def greeted(there: House) -> socket.socket:
    end = there.channel()
    answers(end, 1)
    return end


def held(there: House, end: socket.socket, issued: Issued) -> int:
    standing = told(there, end, question_frame(1, authorise(issued)))
    assert isinstance(standing, Standing)
    hold = told(there, end, question_frame(2, reserve_for(standing)))
    assert isinstance(hold, Held)
    return hold.rid


def amounts(there: House, issued: Issued) -> tuple[int, int]:
    """Spent and reserved. An administrator's question: all that workers said before is done by then."""
    record = there.desk.record(issued)
    return record.spent, record.reserved


def hung_up(end: socket.socket) -> bool:
    """All that was sent has been read, and nothing more will come."""
    return end.recv(1) == b""


def test_what_is_asked_together_costs_one_commit_whoever_asks() -> None:
    async def scene() -> None:
        async with house() as there:
            assert isinstance(there.desk.storage, Faulty)
            workers = [await there.worker(), await there.worker()]
            issued = there.desk.new_key(limit=6300)
            wishes = [(worker.client, await worker.shown(issued)) for worker in workers]
            before = there.desk.storage.commits

            replies = await asyncio.gather(*(client.reserve(wish) for client, wish in wishes * 32))

            assert there.desk.storage.commits == before + 1
            assert len({reply.rid for reply in replies if isinstance(reply, Held)}) == 63
            assert replies.count(Refused(Why.LIMIT)) == 1

    played(scene())


def test_every_worker_is_greeted_with_an_epoch_of_its_own() -> None:
    async def scene() -> None:
        async with house() as there:
            ends = there.channel(), there.channel()
            greetings = [read_answer(answers(end, 1))[1] for end in ends]

            assert all(isinstance(greeting, Greeting) for greeting in greetings)
            assert greetings[0] != greetings[1]
            for end in ends:
                end.close()

    played(scene())


def test_a_frame_that_comes_in_pieces_is_heard_when_it_is_whole() -> None:
    async def scene() -> None:
        async with house() as there:
            end = greeted(there)
            for at in range(len(UNKNOWN) - 1):
                end.send(UNKNOWN[at : at + 1])
                there.server.catch_up()

            assert told(there, end, UNKNOWN[-1:]) == Refused(Why.KEY_UNUSABLE)
            end.close()

    played(scene())


def test_all_workers_hear_that_a_key_is_revoked_before_the_administrator_has_an_answer() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            ends = greeted(there), greeted(there), greeted(there)

            await there.desk.book.delete(issued.record.key_id, "x")

            for end in ends:
                end.setblocking(False)
                _, news = read_answer(answers(end, 1))
                assert getattr(news, "key_id", None) == issued.record.key_id
                end.close()

    played(scene())


def test_the_holds_of_a_worker_that_dies_are_charged_in_full_and_nobody_elses() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            dying, living = greeted(there), greeted(there)
            held(there, dying, issued)
            held(there, dying, issued)
            rid = held(there, living, issued)

            dying.close()

            assert amounts(there, issued) == (200, 100)
            assert there.desk.events == [Event(event=Kind.ORPHANS_CHARGED, count=2, nanodollars=200)]
            living.sendall(notice_frame(metered(rid, 5)))
            assert amounts(there, issued) == (205, 0)
            living.close()

    played(scene())


def test_what_a_worker_said_before_it_died_counts_and_half_a_frame_does_not() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            end = greeted(there)
            first, second = held(there, end, issued), held(there, end, issued)

            end.sendall(notice_frame(metered(first, 5)) + notice_frame(metered(second, 5))[:-1])
            end.close()
            there.server.catch_up()  # what was said; that no more will come shows behind it

            assert amounts(there, issued) == (105, 0)

    played(scene())


def test_what_is_no_message_ends_the_connection_and_what_came_before_it_counts() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            lying, honest = greeted(there), greeted(there)
            first, _ = held(there, lying, issued), held(there, lying, issued)

            lying.sendall(notice_frame(metered(first, 5)) + JUNK + UNKNOWN)

            assert amounts(there, issued) == (105, 0)
            assert hung_up(lying)
            held(there, honest, issued)
            lying.close()
            honest.close()

    played(scene())


def test_what_no_honest_worker_says_ends_the_connection_too() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            lying, honest = greeted(there), greeted(there)
            rid = held(there, honest, issued)

            lying.sendall(notice_frame(Settle(rid=rid, outcome=Outcome.NOTHING_SENT)))

            assert amounts(there, issued) == (0, 100)
            assert hung_up(lying)
            lying.close()
            honest.close()

    played(scene())


def unread(there: House) -> int:
    """Bytes of answers that did not fit into the sockets."""
    return sum(len(peer.outgoing) for peer in there.server._peers.values())


def flood(there: House, end: socket.socket, rounds: int) -> None:
    for _ in range(rounds):
        end.sendall(UNKNOWN * 100)
        there.server.catch_up()


def test_a_worker_that_reads_late_gets_every_answer() -> None:
    async def scene() -> None:
        async with house() as there:
            end = greeted(there)
            asked = 0
            while not unread(there):
                flood(there, end, rounds=1)
                asked += 100

            received = b""
            while len(received) < asked * ANSWER_BYTES:
                received += end.recv(1 << 16)
                there.server.catch_up()

            assert received == answer_frame(1, Refused(Why.KEY_UNUSABLE)) * asked
            assert unread(there) == 0
            end.close()

    played(scene())


def test_a_worker_that_asks_and_does_not_read_is_hung_up_on() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            end, other = greeted(there), greeted(there)
            held(there, end, issued)

            with pytest.raises(ConnectionError):
                flood(there, end, rounds=1000)

            assert amounts(there, issued) == (100, 0)
            held(there, other, issued)
            end.close()
            other.close()

    played(scene())


def test_answers_to_a_worker_that_stopped_listening_are_not_hoarded_and_it_is_still_heard() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()
            end = greeted(there)
            rid = held(there, end, issued)

            end.shutdown(socket.SHUT_RD)
            flood(there, end, rounds=100)
            hoarded = unread(there)
            end.sendall(notice_frame(metered(rid, 5)))

            assert hoarded == 0
            assert amounts(there, issued) == (5, 0)
            end.close()

    played(scene())


def test_a_full_disk_is_an_answer_too() -> None:
    async def scene() -> None:
        async with house() as there:
            assert isinstance(there.desk.storage, Faulty)
            end, issued = greeted(there), there.desk.new_key()
            standing = told(there, end, question_frame(1, authorise(issued)))
            assert isinstance(standing, Standing)

            there.desk.storage.full = True

            assert told(there, end, question_frame(2, reserve_for(standing))) == Refused(Why.DOWN)
            end.close()

    played(scene())


def test_a_ledger_that_stops_hears_what_was_said_and_charges_what_is_open(tmp_path: Path) -> None:
    async def scene() -> Issued:
        async with house(on_disk(tmp_path, Faulty)) as there:
            issued = there.desk.new_key()
            end = greeted(there)
            first, _ = held(there, end, issued), held(there, end, issued)
            end.sendall(notice_frame(metered(first, 5)))
        assert hung_up(end)
        end.close()
        return issued

    issued = played(scene())

    again = Desk(on_disk(tmp_path, Faulty))
    record = again.record(issued)
    again.storage.close()
    assert again.events == []
    assert (record.spent, record.reserved) == (105, 0)


def test_nobody_is_left_waiting_when_a_worker_ends_in_the_middle_of_others_work() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key(limit=None)
            workers = [await there.worker() for _ in range(3)]
            wishes = [(worker.client, await worker.shown(issued)) for worker in workers]
            ends = [greeted(there) for _ in range(3)]
            for end in ends:
                held(there, end, issued)
                end.sendall(JUNK)
                end.close()

            replies = await asyncio.gather(*(client.reserve(wish) for client, wish in wishes * 10))

            assert all(isinstance(reply, Held) for reply in replies)
            assert amounts(there, issued) == (300, 3000)

    played(scene())


def test_an_administrator_is_served_while_no_worker_is_there() -> None:
    async def scene() -> None:
        async with house() as there:
            issued = there.desk.new_key()

            assert await there.desk.book.get(issued.record.key_id) == issued.record
            assert done(there.desk.book.page(0, 9)) == (issued.record,)

    played(scene())
