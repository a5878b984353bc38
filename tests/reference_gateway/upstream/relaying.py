"""A relay between a provider that is played and a client that is played, with everything else real."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reference_gateway.config_file import Bounds
from reference_gateway.content.calls import OpenStreams
from reference_gateway.content.envelope import Envelope
from reference_gateway.content.hold import held
from reference_gateway.content.meter import Usage
from reference_gateway.content.relay import Relay
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import Answer, Outbound, Upstream
from reference_gateway.ledger.wire import Endpoint, Outcome, Settle, Standing
from reference_gateway.web.asgi import Message, Request
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet
from tests.reference_gateway import asking, streaming
from tests.reference_gateway.test_hold import Recorder

KEY = 5
DELTA = streaming.event({"choices": [{"index": 0, "delta": {"content": "hello"}}]})
USAGE = streaming.event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}})
DONE = streaming.DONE
BILLED = [(Outcome.METERED, Usage(7, 5))]
IN_FULL = [(Outcome.UNKNOWN, Usage(0, 0))]

Pieces = AsyncGenerator[bytes, None]
Play = Callable[[], Pieces]


@dataclass
class Played:
    """An answer whose body is played. Implements `Answer`."""

    play: Play
    status: int = 200
    media: str = "text/event-stream"
    retry_after: int | None = None

    async def pieces(self) -> AsyncGenerator[Sealed, None]:
        async for piece in self.play():
            yield Sealed(piece)


class Provider:
    """Gives one answer, when it is let. Implements `Upstream`."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked = asyncio.Event()
        self.thinks = False  # until `answers` is set
        self.answers = asyncio.Event()

    @asynccontextmanager
    async def send(self, _request: Outbound) -> AsyncIterator[Answer]:
        self.asked.set()
        if self.thinks:
            await self.answers.wait()
        yield self._answer

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Client:
    """Reads for as long as `reads` is set, and stays until `left` is. Who was hung up on gets nothing."""

    reads: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    told: list[Message] = field(default_factory=list)
    diary: list[str] = field(default_factory=list)
    waiting: bool = False  # with something to read
    hung_up: bool = False

    def hang_up(self) -> None:
        """As the protocol does to those who do not read."""
        self.hung_up = True
        self.left.set()
        self.reads.set()

    async def send(self, message: Message) -> None:
        self.waiting = not self.reads.is_set()
        await self.reads.wait()
        self.waiting = False
        if self.hung_up:
            return
        self.told.append(message)
        self.diary.append(message["type"] if message.get("more_body", True) else "the end")

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def status(self) -> Any:
        return self.told[0]["status"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.told)


class Ledger(Recorder):
    """Writes into a diary when it is told of a bill."""

    def __init__(self, diary: list[str]) -> None:
        super().__init__()
        self._diary = diary

    def settle(self, message: Settle) -> None:
        self._diary.append("settled")
        super().settle(message)


class Scene:
    """One request under way. Made inside the loop."""

    def __init__(self, upstream: Upstream, client: Client | None = None, **bounds: float) -> None:
        self.client = client or Client()
        self.client.reads.set()
        self.ledger = Ledger(self.client.diary)
        self.streams = OpenStreams()
        self._bounds = Bounds(**bounds)  # type: ignore[arg-type]
        self._relay = Relay(upstream, self.streams, self._bounds)

    async def run(self, envelope: Envelope | None = None) -> Fault | None:
        """Plays it to its end; the fault that it was refused with, said to the client as well."""
        envelope = envelope or asking.read(Endpoint.CHAT, {"stream": True})
        client = self.client
        request = Request(
            method="POST", path="/", query=b"", headers=(), receive=client.receive, request_id=1
        )
        outlet = Outlet(client.send, 1)
        standing = Standing(KEY, 1, limited=True)
        try:
            async with held(self.ledger, standing, envelope) as hold:
                await self._relay.carry(request, outlet, envelope, standing, hold)
        except RefusalError as refusal:
            await outlet.refuse(refusal)
            return refusal.fault
        return None

    @property
    def settled(self) -> list[tuple[Outcome, Usage]]:
        """How it was settled, which happens once."""
        return [(one.outcome, _usage(one)) for one in self.ledger.settled]


def _usage(settle: Settle) -> Usage:
    return Usage(settle.prompt_tokens, settle.completion_tokens, settle.cached_tokens, settle.written_tokens)


def pieces(*data: bytes) -> Play:
    """These, and the end."""

    async def play() -> Pieces:
        for piece in data:
            await asyncio.sleep(0)
            yield piece

    return play


def endless(*data: bytes) -> Play:
    """These, and then silence."""

    async def play() -> Pieces:
        for piece in data:
            yield piece
        await asyncio.Event().wait()

    return play
