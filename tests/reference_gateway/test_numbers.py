"""Numbers of requests, each used once, and not too far out of order; what one connection may say."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.events import Kind, Route
from reference_gateway.ledger.connection import BreachError, Connection
from reference_gateway.ledger.numbers import Numbers
from reference_gateway.ledger.wire import WINDOW, Finished, request_id
from tests.reference_gateway.ledger_parts import RESERVE
from tests.reference_gateway.ledger_socket import ASKED, house, played, scripted, turns
from tests.reference_gateway.unhurried import UNHURRIED

CHOICES = st.one_of(st.integers(0, 8), st.integers(WINDOW - 3, WINDOW + 6), st.integers(0, 3 * WINDOW))


@UNHURRIED
@given(numbers=st.lists(CHOICES, max_size=30))
def test_a_number_is_taken_once_and_only_while_few_free_ones_lie_below(numbers: list[int]) -> None:
    kept, taken = Numbers(), set[int]()

    for number in numbers:
        free_below = number - sum(one < number for one in taken)
        expected = number not in taken and free_below < WINDOW
        assert kept.take(number) == expected
        taken |= {number} if expected else set()
        assert len(kept._gaps) < WINDOW


def test_a_request_that_lasts_may_be_overtaken_by_any_number_of_others() -> None:
    numbers = Numbers()

    overtaking = [numbers.take(number) for number in range(1, 5 * WINDOW)]

    assert all(overtaking)
    assert numbers.take(0)


def finished(number: int) -> Finished:
    return Finished(number=number, route=Route.CHAT, status=200, milliseconds=5)


def test_the_id_of_a_request_follows_from_its_number() -> None:
    connection = Connection(b"e" * 16)

    assert connection.finish(finished(3)) == request_id(b"e" * 16, 3)


@pytest.mark.parametrize("number", [7, WINDOW + 8])
def test_a_number_that_is_used_or_far_ahead_is_a_breach(number: int) -> None:
    connection = Connection(bytes(16))
    connection.finish(finished(7))

    with pytest.raises(BreachError):
        connection.finish(finished(number))


def shown(key_id: int, generation: int) -> Connection:
    connection = Connection(bytes(16))
    connection.prove(key_id, generation)
    return connection


@pytest.mark.parametrize("generation", [1, 2])
def test_a_key_that_was_shown_may_be_reserved_for_even_with_a_stale_standing(generation: int) -> None:
    shown(1, 2).check_reserve(replace(RESERVE, key_id=1, generation=generation), models=1)


@pytest.mark.parametrize(
    ("key_id", "generation", "models"), [(2, 1, 1), (1, 0, 1), (1, 3, 1), (1, 1, 0)], ids=str
)
def test_a_key_or_model_that_nobody_was_told_of_is_a_breach(
    key_id: int, generation: int, models: int
) -> None:
    asked = replace(RESERVE, key_id=key_id, generation=generation)

    with pytest.raises(BreachError):
        shown(1, 2).check_reserve(asked, models)


def test_more_keys_than_one_worker_can_need_are_a_breach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_gateway.ledger.wire.MAX_KEYS", 2)  # or this test would show 16 million
    connection = shown(1, 1)
    connection.prove(2, 1)
    connection.prove(2, 2)

    with pytest.raises(BreachError):
        connection.prove(3, 1)


def test_a_hold_ends_once_and_a_second_time_does_nothing() -> None:
    connection = Connection(bytes(16))
    connection.hold(5)

    assert [connection.release(5), connection.release(5)] == [True, False]


def test_somebody_elses_hold_is_a_breach() -> None:
    with pytest.raises(BreachError):
        Connection(bytes(16)).release(5)


def test_only_so_many_ended_holds_are_remembered() -> None:
    connection = Connection(bytes(16))
    for rid in range(WINDOW + 1):
        connection.hold(rid)
        connection.release(rid)

    assert len(connection._ended) == WINDOW
    assert not connection.release(1)
    with pytest.raises(BreachError):
        connection.release(0)


def test_what_is_abandoned_is_what_was_not_ended() -> None:
    connection = Connection(bytes(16))
    for rid in (9, 4, 7):
        connection.hold(rid)
    connection.release(4)

    assert connection.abandon() == (7, 9)
    assert connection.abandon() == ()
    assert connection.broken


def test_requests_are_numbered_from_zero_and_their_ids_come_from_the_greeting() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            assert [ledger.client.next_request() for _ in range(3)] == [
                (number, request_id(b"e" * 16, number)) for number in range(3)
            ]

    played(scene())


def test_a_worker_whose_numbers_are_used_up_is_replaced() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            ledger.client._begun = 2**32 - 1

            assert ledger.client.next_request()[0] == 2**32 - 1
            assert ledger.losses == 1

    played(scene())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_ends_in_any_order_become_events_once_each_and_never_a_breach(seed: int) -> None:
    async def scene() -> None:
        async with house() as there:
            worker = await there.worker()
            begun = [worker.client.next_request() for _ in range(WINDOW + 500)]
            order = [number for number, _ in begun]
            random.Random(seed).shuffle(order)

            for number in order:
                worker.client.finished(finished(number))
            await worker.client.authorise(ASKED)  # asked behind them, and so answered behind them

            ids = [event.request for event in there.desk.events if event.event is Kind.REQUEST]
            assert len(ids) == len(begun)
            assert set(ids) == {request_id for _, request_id in begun}
            assert worker.client.alive

    played(scene())


def test_only_ends_that_overtake_very_many_open_requests_have_to_wait() -> None:
    async def scene() -> None:
        async with scripted() as ledger:
            for _ in range(WINDOW + 2):
                ledger.client.next_request()

            for number in (WINDOW + 1, WINDOW):  # below them lie more free numbers than the ledger allows
                ledger.client.finished(finished(number))
            await turns()
            said_nothing = ledger.silent()
            ledger.client.finished(finished(0))
            await turns()

            assert said_nothing
            heard = [message for _, message in ledger.heard(3)]
            assert heard == [finished(0), finished(WINDOW), finished(WINDOW + 1)]

    played(scene())
