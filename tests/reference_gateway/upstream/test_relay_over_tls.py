"""The relay on real connections: a provider that drips, and one that is faster than its client."""

import asyncio
import ssl
import tracemalloc
from dataclasses import replace

from reference_gateway.config import Provider
from reference_gateway.content.envelope import Envelope
from reference_gateway.ledger.wire import Endpoint
from reference_gateway.web.asgi import Message
from reference_gateway.web.faults import Fault
from tests.reference_gateway import asking
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.playing import Direct, play, provider_at, upstream_to
from tests.reference_gateway.upstream.provider import Talk, providing
from tests.reference_gateway.upstream.relaying import BILLED, DELTA, DONE, IN_FULL, USAGE, Client, Scene
from tests.reference_gateway.upstream.stage import OK, silence

STREAM = OK + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def stream_from(provider: Provider) -> Envelope:
    return asking.read(Endpoint.CHAT, {"stream": True}, model=replace(asking.MODEL, provider=provider))


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_a_head_that_drips_is_waited_for_as_long_as_a_request_may_take(
    authority: Authority, good: ssl.SSLContext
) -> None:
    """Every byte is a sign of life, so patience never ends; time does."""

    async def dripping(talk: Talk) -> None:
        await talk.request()
        for byte in OK + b"x: " + b"y" * 2000:
            talk.write(bytes([byte]))
            await asyncio.sleep(0.01)

    async def scene() -> tuple[Fault | None, Scene]:
        async with providing(dripping, good) as heard:
            provider = provider_at(heard.port, authority.root)
            one = Scene(upstream_to(provider, Direct(heard.port)), request_seconds=0.3)
            return await one.run(stream_from(provider)), one

    fault, one = play(scene())
    assert fault is Fault.PROVIDER_TIMEOUT
    assert (one.client.status, one.settled) == (504, IN_FULL)


class Slow(Client):
    """Reads, but others get their turns first; keeps only the size of what it got."""

    got = 0

    async def send(self, message: Message) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        self.got += len(message.get("body", b""))


EVENT = b"data: " + b"x" * 16_000 + b"\n\n"
EVENTS = 800


def test_a_provider_that_is_faster_than_its_client_is_made_to_wait(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def pouring(talk: Talk) -> None:
        await talk.request()
        talk.write(STREAM)
        for _ in range(EVENTS):
            await talk.pour(chunk(EVENT))
        talk.write(chunk(DELTA + USAGE + DONE) + b"0\r\n\r\n")
        await silence(talk)

    async def scene() -> tuple[Scene, int, int]:
        async with providing(pouring, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            client = Slow()
            one = Scene(upstream, client, max_answer=2 * EVENTS * len(EVENT))
            before, _ = tracemalloc.get_traced_memory()
            await one.run(stream_from(provider))
            _, most = tracemalloc.get_traced_memory()
            await upstream.close()
            return one, client.got, most - before

    tracemalloc.start()
    try:
        one, got, held = play(scene())
    finally:
        tracemalloc.stop()
    assert got == EVENTS * len(EVENT) + len(DELTA + DONE)
    assert one.settled == BILLED
    # Both ends are in this process: what is held of 12.8 MB on the way from one to the other.
    assert held < 2_000_000
