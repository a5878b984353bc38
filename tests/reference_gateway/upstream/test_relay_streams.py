"""Event streams: what reaches a client that leaves, dawdles or loses its key, and what is billed for it."""

import asyncio
from typing import Any

import pytest

from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.upstream import CutError
from reference_gateway.web.faults import Fault, error_event
from tests.reference_gateway.upstream.playing import play, until
from tests.reference_gateway.upstream.relaying import (
    BILLED,
    DELTA,
    DONE,
    IN_FULL,
    KEY,
    USAGE,
    Pieces,
    Play,
    Played,
    Provider,
    Scene,
    endless,
    pieces,
)


def test_a_stream_is_settled_before_it_ends() -> None:
    async def scene() -> Scene:
        one = Scene(Provider(Played(pieces(DELTA, USAGE, DONE))))
        assert await one.run() is None
        return one

    one = play(scene())
    assert one.client.body == DELTA + DONE
    assert one.settled == BILLED
    assert one.client.diary[-2:] == ["settled", "the end"]


def test_what_follows_the_last_event_is_not_waited_for_long() -> None:
    async def scene() -> Scene:
        one = Scene(Provider(Played(endless(DELTA, USAGE, DONE))))
        assert await one.run() is None
        return one

    one = play(scene())
    assert (one.client.body, one.settled) == (DELTA + DONE, BILLED)


# --- streams that do not end well --------------------------------------------------------------------------


def broken(*data: bytes, timed_out: bool = False) -> Play:
    """These, and a cut."""

    async def cut() -> Pieces:
        for piece in data:
            yield piece
        raise CutError(timed_out=timed_out)

    return cut


LONG = b"data: " + b"x" * 700_000


@pytest.mark.parametrize(
    ("played", "fault", "bill"),
    [
        (pieces(DELTA), Fault.PROVIDER_CUT, IN_FULL),
        (pieces(DELTA, USAGE), Fault.PROVIDER_CUT, BILLED),
        (broken(DELTA), Fault.PROVIDER_CUT, IN_FULL),
        (broken(DELTA, USAGE), Fault.PROVIDER_CUT, BILLED),
        (broken(DELTA, timed_out=True), Fault.PROVIDER_TIMEOUT, IN_FULL),
        (pieces(DELTA, LONG, LONG, USAGE, DONE), Fault.PROVIDER_TOO_LARGE, IN_FULL),
    ],
)
def test_a_stream_that_breaks_off_ends_with_an_error_event(played: Play, fault: Fault, bill: Any) -> None:
    async def scene() -> Scene:
        one = Scene(Provider(Played(played)))
        await one.run()
        return one

    one = play(scene())
    assert one.client.body == DELTA + error_event(fault)
    assert one.client.diary[-1] == "the end"
    assert one.settled == bill


def test_a_stream_has_a_largest_size() -> None:
    async def scene() -> Scene:
        one = Scene(Provider(Played(pieces(*[DELTA] * 100, USAGE, DONE))), max_answer=2000)
        await one.run()
        return one

    one = play(scene())
    assert one.client.body == DELTA * (2000 // len(DELTA)) + error_event(Fault.PROVIDER_TOO_LARGE)
    assert one.settled == IN_FULL


def test_a_stream_has_a_longest_time() -> None:
    async def dripping() -> Pieces:
        while True:
            yield DELTA
            await asyncio.sleep(0.01)

    async def scene() -> tuple[Fault | None, Scene]:
        one = Scene(Provider(Played(dripping)), request_seconds=0.2)
        return await one.run(), one

    fault, one = play(scene())
    assert fault is Fault.PROVIDER_TIMEOUT
    assert one.client.body.replace(DELTA, b"") == error_event(Fault.PROVIDER_TIMEOUT)
    assert one.settled == IN_FULL


# --- clients that leave or dawdle --------------------------------------------------------------------------


def test_after_a_client_has_left_reading_goes_on_for_the_bill() -> None:
    async def scene() -> Scene:
        async def played() -> Pieces:
            yield DELTA
            one.client.left.set()
            await asyncio.sleep(0.01)
            for piece in (DELTA, USAGE, DONE):
                yield piece

        one = Scene(Provider(Played(played)))
        await one.run()
        return one

    one = play(scene())
    assert one.client.body == DELTA
    assert one.settled == BILLED


@pytest.mark.parametrize(("data", "bill"), [((DELTA,), IN_FULL), ((DELTA, USAGE), BILLED)])
def test_after_a_client_has_left_the_provider_is_read_for_a_while_only(
    data: tuple[bytes, ...], bill: Any
) -> None:
    async def scene() -> Scene:
        async def played() -> Pieces:
            for piece in data:
                yield piece
            one.client.left.set()
            await asyncio.Event().wait()

        one = Scene(Provider(Played(played)), drain_seconds=0.1)
        await one.run()
        return one

    one = play(scene())
    assert one.client.body == DELTA
    assert one.settled == bill


def test_a_client_that_was_hung_up_on_for_not_reading_is_one_that_left() -> None:
    async def scene() -> Scene:
        async def played() -> Pieces:
            one.client.reads.clear()
            yield DELTA
            await asyncio.Event().wait()

        one = Scene(Provider(Played(played)), drain_seconds=0.1)
        running = asyncio.ensure_future(one.run())
        await until(lambda: one.client.waiting)
        one.client.hang_up()
        await running
        return one

    one = play(scene())
    assert one.client.body == b""
    assert one.settled == IN_FULL


def test_a_dawdling_client_whose_time_is_up_pays_what_was_counted() -> None:
    async def scene() -> tuple[Fault | None, Scene]:
        async def played() -> Pieces:
            one.client.reads.clear()
            yield DELTA + USAGE + DONE

        one = Scene(Provider(Played(played)), request_seconds=0.1)
        running = asyncio.ensure_future(one.run())
        await until(lambda: bool(one.settled))
        one.client.reads.set()
        return await running, one

    fault, one = play(scene())
    assert fault is Fault.PROVIDER_TIMEOUT
    assert one.client.body == error_event(Fault.PROVIDER_TIMEOUT)
    assert one.settled == BILLED


# --- revoked keys ------------------------------------------------------------------------------------------

REVOKED = error_event(Fault.KEY_REVOKED)


def test_a_revoked_key_ends_its_stream_at_once_and_pays_what_was_counted() -> None:
    async def scene() -> tuple[bytes, Scene]:
        gone_on = asyncio.Event()

        async def played() -> Pieces:
            yield DELTA
            one.streams.revoke(KEY)
            await gone_on.wait()
            for piece in (DELTA, USAGE, DONE):
                yield piece

        one = Scene(Provider(Played(played)))
        running = asyncio.ensure_future(one.run())
        await until(lambda: "the end" in one.client.diary)
        before = one.client.body
        gone_on.set()
        await running
        return before, one

    before, one = play(scene())
    assert before == one.client.body == DELTA + REVOKED
    assert one.settled == BILLED


def test_a_key_that_is_revoked_while_the_provider_thinks_gets_no_word_of_the_answer() -> None:
    async def scene() -> Scene:
        told = asyncio.Event()

        async def played() -> Pieces:
            yield DELTA
            await told.wait()
            yield USAGE + DONE

        provider = Provider(Played(played))
        provider.thinks = True
        one = Scene(provider)
        running = asyncio.ensure_future(one.run())
        await provider.asked.wait()
        one.streams.revoke(KEY)
        provider.answers.set()
        await until(lambda: "the end" in one.client.diary)
        told.set()
        await running
        return one

    one = play(scene())
    assert one.client.body == REVOKED
    assert one.settled == BILLED


def test_a_key_that_is_revoked_with_the_last_piece_gets_no_clean_end() -> None:
    async def scene() -> Scene:
        async def played() -> Pieces:
            yield DELTA
            one.streams.revoke(KEY)
            yield DELTA + USAGE + DONE

        one = Scene(Provider(Played(played)))
        await one.run()
        return one

    one = play(scene())
    assert one.client.body == DELTA + REVOKED
    assert one.settled == BILLED


def test_a_revoked_stream_is_read_for_a_while_only() -> None:
    async def scene() -> Scene:
        async def played() -> Pieces:
            yield DELTA
            one.streams.revoke(KEY)
            await asyncio.Event().wait()

        one = Scene(Provider(Played(played)), drain_seconds=0.1)
        await one.run()
        return one

    one = play(scene())
    assert one.client.body == DELTA + REVOKED
    assert one.settled == IN_FULL


def test_another_keys_end_changes_nothing() -> None:
    async def scene() -> Scene:
        async def played() -> Pieces:
            yield DELTA
            one.streams.revoke(KEY + 1)
            yield USAGE + DONE

        one = Scene(Provider(Played(played)))
        await one.run()
        return one

    one = play(scene())
    assert (one.client.body, one.settled) == (DELTA + DONE, BILLED)


def test_streams_are_told_while_they_are_open_and_never_after() -> None:
    streams, told = OpenStreams(), []
    with streams.entered(1, lambda: told.append("first")):
        with (
            streams.entered(1, lambda: told.append("second")),
            streams.entered(2, lambda: told.append("other")),
        ):
            streams.revoke(1)
        both = sorted(told)
        streams.revoke(1)
    streams.revoke(1)
    streams.revoke(2)

    assert both == ["first", "second"]
    assert told[2:] == ["first"]
    assert not streams._ends
