"""The connections that carry requests: used again, never shared, given up without a trace."""

import asyncio
import socket
import ssl
from collections.abc import Mapping

import pytest

from reference_gateway.content.provider_http import HttpUpstream
from reference_gateway.content.upstream import CutError, NothingSentError, Outbound
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.playing import (
    Direct,
    asked,
    open_sockets,
    outbound,
    play,
    provider_at,
    until,
    upstream_to,
)
from tests.reference_gateway.upstream.provider import Script, Talk, providing
from tests.reference_gateway.upstream.stage import HELLO, OK, answering, silence, told


async def echoing(talk: Talk) -> None:
    """Every request's body is its answer."""
    while True:
        _, _, body = told(await talk.request())
        talk.write(OK + b"content-length: %d\r\n\r\n" % len(body) + body)


def test_connections_serve_again_and_no_two_requests_share_one(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[list[tuple[int, bytes]], list[int], int]:
        async with providing(echoing, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            answers = [await asked(upstream, outbound(provider, b"first"))]
            alone = len(heard.talks)
            for number in range(3):
                bodies = [b"%d-%d" % (number, asker) for asker in range(8)]
                answers += await asyncio.gather(
                    *(asked(upstream, outbound(provider, body)) for body in bodies)
                )
            await upstream.close()
            return answers, [alone, len(heard.talks)], len(heard.heard.split(b"POST")) - 1

    answers, connections, requests = play(scene())
    assert answers[0] == (200, b"first")
    assert answers[1:] == [(200, b"%d-%d" % (number, asker)) for number in range(3) for asker in range(8)]
    assert connections == [1, 8]
    assert requests == 25


# What else stands in the head, what comes behind the body, and how the provider leaves then.
ODD_ENDS: Mapping[bytes, tuple[bytes, bytes, str]] = {
    b"keeps": (b"", b"", ""),
    b"closes": (b"connection: close\r\n", b"", "close"),
    b"leaves": (b"", b"", "goodbye"),
    b"resets": (b"", b"", "reset"),
    b"ends": (b"", b"", "end"),
    b"says more": (b"", HELLO, ""),
    b"says less": (b"x: y\r\ncontent-length: 99\r\n", b"", "close"),
}


async def unreliable(talk: Talk) -> None:
    """Answers with the request's own body, and leaves as that says."""
    while True:
        _, _, body = told(await talk.request())
        fields, behind, leave = ODD_ENDS[body.partition(b"#")[0]]
        length = b"" if b"content-length" in fields else b"content-length: %d\r\n" % len(body)
        talk.write(OK + fields + length + b"\r\n" + body + behind)
        if leave:
            getattr(talk, leave)()
            return


async def attempted(upstream: HttpUpstream, request: Outbound) -> bytes | None:
    """The answer's body, unless it was cut."""
    try:
        return (await asked(upstream, request))[1]
    except CutError:
        return None


def test_nobody_gets_another_ones_answer_and_nothing_is_sent_twice(
    authority: Authority, good: ssl.SSLContext
) -> None:
    bodies = [b"%b#%d" % (end, number) for number in range(20) for end in ODD_ENDS]

    async def scene() -> tuple[dict[bytes, bytes | None], list[bytes]]:
        before = open_sockets()
        async with providing(unreliable, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            answers: dict[bytes, bytes | None] = {}
            for start in range(0, len(bodies), 10):
                several = bodies[start : start + 10]
                asking = (attempted(upstream, outbound(provider, body)) for body in several)
                answers.update(zip(several, await asyncio.gather(*asking), strict=True))
            await upstream.close()
            requests = heard.heard.split(b"POST")[1:]
        await until(lambda: open_sockets() <= before)
        return answers, [told(request)[2] for request in requests]

    answers, requests = play(scene())
    assert {body for body, answer in answers.items() if answer not in (None, body)} == set()
    assert all(answers[body] == body for body in (b"keeps#0", b"closes#0", b"leaves#0", b"says more#0"))
    assert len(requests) == len(set(requests))


def test_a_connection_that_ended_at_rest_is_not_used(authority: Authority, good: ssl.SSLContext) -> None:
    async def once(talk: Talk) -> None:
        await talk.request()
        talk.write(HELLO)

    async def scene() -> tuple[list[tuple[int, bytes]], int]:
        async with providing(once, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            answers = []
            for _ in range(3):
                answers.append(await asked(upstream, outbound(provider)))
                await until(lambda: not upstream._resting[provider.number])
            return answers, len(heard.talks)

    assert play(scene()) == ([(200, b"hello")] * 3, 3)


def test_a_connection_whose_end_the_loop_has_not_seen_yet_is_not_used(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[tuple[int, bytes], int]:
        leave = asyncio.Event()

        async def leaving(talk: Talk) -> None:
            await talk.request()
            talk.write(HELLO)
            await leave.wait()

        async with providing(leaving, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            await asked(upstream, outbound(provider))
            resting = upstream._resting[provider.number][0]
            resting._transport.pause_reading()  # type: ignore[union-attr]
            leave.set()
            await until(lambda: not resting.untouched())
            again = await asked(upstream, outbound(provider))
            await upstream.close()
            return again, len(heard.talks)

    assert play(scene()) == ((200, b"hello"), 2)


@pytest.mark.parametrize("then", ["close", "goodbye", "reset"])
@pytest.mark.parametrize("warm", [False, True])
def test_nothing_is_ever_sent_twice(
    authority: Authority, good: ssl.SSLContext, then: str, warm: bool
) -> None:
    async def once(talk: Talk) -> None:
        for _ in range(warm):
            await talk.request()
            talk.write(HELLO)
        await talk.request()
        getattr(talk, then)()

    async def scene() -> tuple[int, int, int]:
        async with providing(once, good) as heard:
            provider, dialer = provider_at(heard.port, authority.root), Direct(heard.port)
            upstream = upstream_to(provider, dialer)
            for _ in range(warm):
                await asked(upstream, outbound(provider))
            with pytest.raises(CutError):
                await asked(upstream, outbound(provider))
            return dialer.dialled, len(heard.talks), heard.heard.count(b"POST")

    assert play(scene()) == (1, 1, 1 + warm)


def test_no_more_connections_rest_than_are_allowed(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> int:
        together = asyncio.Barrier(130)

        async def waiting(talk: Talk) -> None:
            await talk.request()
            await together.wait()
            talk.write(HELLO)
            await silence(talk)

        async with providing(waiting, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            await asyncio.gather(*(asked(upstream, outbound(provider)) for _ in range(130)))
            await until(lambda: len(heard.ended) == 2)
            resting = len(heard.talks) - len(heard.ended)
            await upstream.close()
            return resting

    assert play(scene()) == 128


def test_a_closing_gateway_says_goodbye_to_connections_at_rest(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[set[str], list[Exception]]:
        before = open_sockets()

        async def polite(talk: Talk) -> None:
            await talk.request()
            talk.write(HELLO)
            await silence(talk)

        async with providing(polite, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            await asyncio.gather(*(asked(upstream, outbound(provider)) for _ in range(3)))
            await upstream.close()
            await until(lambda: len(heard.ended) == 3)
            failures = heard.failures
        await until(lambda: open_sockets() <= before)
        return open_sockets() - before, failures

    assert play(scene()) == (set(), [])


# --- failures ----------------------------------------------------------------------------------------------


class Unreachable:
    """A dialer that reaches nobody."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    async def dial(self, _provider: int) -> socket.socket:
        raise self._failure


@pytest.mark.parametrize("timed_out", [True, False])
def test_a_provider_that_cannot_be_dialled_was_sent_nothing(authority: Authority, timed_out: bool) -> None:
    async def scene() -> bool:
        provider = provider_at(1, authority.root)
        upstream = upstream_to(provider, Unreachable(NothingSentError(timed_out=timed_out)))
        with pytest.raises(NothingSentError) as failure:
            await asked(upstream, outbound(provider))
        return failure.value.timed_out

    assert play(scene()) is timed_out


def test_a_dialer_that_says_nothing_is_waited_for_with_patience(authority: Authority) -> None:
    class Silent:
        async def dial(self, _provider: int) -> socket.socket:
            await asyncio.Event().wait()
            raise AssertionError("waited for ever, and came back")

    async def scene() -> bool:
        provider = provider_at(1, authority.root)
        with pytest.raises(NothingSentError) as failure:
            await asked(upstream_to(provider, Silent(), connect_seconds=0.05), outbound(provider))
        return failure.value.timed_out

    assert play(scene()) is True


@pytest.mark.parametrize("script", ["silent", "dripping"])
def test_shaking_hands_takes_no_longer_than_connecting_may(authority: Authority, script: str) -> None:
    """A sign of life now and then does not help: time is bounded, not silence."""

    async def dripping(talk: Talk) -> None:
        for byte in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(1000):
            talk.raw(bytes([byte]))
            await asyncio.sleep(0.02)

    scripts: Mapping[str, Script] = {"silent": silence, "dripping": dripping}

    async def scene() -> tuple[bool, set[str]]:
        before = open_sockets()
        async with providing(scripts[script], None) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port), connect_seconds=0.2)
            with pytest.raises(NothingSentError) as failure:
                await asked(upstream, outbound(provider))
        await until(lambda: open_sockets() <= before)
        return failure.value.timed_out, open_sockets() - before

    assert play(scene()) == (True, set())


@pytest.mark.parametrize("turns", range(1, 12))
def test_whoever_stops_asking_leaves_no_socket(
    authority: Authority, good: ssl.SSLContext, turns: int
) -> None:
    async def scene() -> set[str]:
        before = open_sockets()
        async with providing(answering(OK + b"content-length: 9\r\n\r\nhello"), good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            asking = asyncio.ensure_future(asked(upstream, outbound(provider)))
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            await asyncio.wait([asking])
        await until(lambda: open_sockets() <= before)
        return open_sockets() - before

    assert play(scene()) == set()


def test_errors_hold_nothing(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> CutError:
        async with providing(answering(b"no answer with a secret\r\n\r\n"), good) as heard:
            provider = provider_at(heard.port, authority.root)
            with pytest.raises(CutError) as failure:
                await asked(upstream_to(provider, Direct(heard.port)), outbound(provider, b"a secret"))
            return failure.value

    failure = play(scene())
    assert (failure.args, failure.__cause__, failure.__context__) == ((), None, None)
