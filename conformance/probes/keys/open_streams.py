"""Streams and connections that are open when their key ends, beside those of a sibling that lives on."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import h11
import msgspec

from conformance.catalogue import Cost, Phase, observes
from conformance.dialects.speak import Key
from conformance.model.key_ends import CutStream, OpenStreams
from conformance.model.money import PICO_PER_USD
from conformance.model.scale import Disruption, Level
from conformance.probes import calls
from conformance.probes.assembled import choices
from conformance.probes.door import Answer
from conformance.probes.line import Line, places, request
from conformance.session import Session
from conformance.target import Target

_TOKENS = 400  # of a stream
_PIECES = 50  # in which the witness sends them, at least
_LASTS = 4.0  # seconds beyond the deadline that a stream goes on
_GRACE = 0.2  # seconds after the deadline
_ENOUGH = 20  # characters that come late to the sibling, by which the other's had come as well
_PATIENCE = 5.0  # seconds for streams to begin, and for the sibling's to go on
_POLL = 0.02  # seconds
_BROKEN = (OSError, ssl.SSLError, h11.RemoteProtocolError)


def _cost(target: Target, sample: int) -> Cost:
    return Cost(requests=16, seconds=target.claims.revocation_latency + _GRACE)


@observes(
    phase=Phase.KEYS,
    level=Level.OPERATOR,
    disruption=Disruption.STATE_CHANGING,
    access=("admin", "witness"),
    cost=_cost,
)
async def open_streams(session: Session) -> OpenStreams:
    """End keys whose streams are under way and see whether these go on."""
    api = session.keys()
    ends = [_cut(session, "revoke", api.revoke)]
    if api.dialect.disable:
        ends.append(_cut(session, "disable", lambda key: api.do("disable", key)))
    return OpenStreams(streams=tuple(await asyncio.gather(*ends)))


async def _cut(
    session: Session, how: Literal["revoke", "disable"], end: Callable[[Key], Awaitable[Answer]]
) -> CutStream:
    api = session.keys()
    key, sibling = await api.create(f"{how}-stream", PICO_PER_USD), await api.create("stream", PICO_PER_USD)
    kept = _Kept(session, key)
    streams = [_Stream(session, key), _Stream(session, sibling)]
    try:
        before = await kept.ask()
        opened = await _all_begun(streams)
        await end(key)
        return await _after(session, how, streams, kept, opened=opened, kept_before=before.startswith("2"))
    finally:
        for stream in streams:
            await stream.close()
        kept.close()


async def _after(
    session: Session,
    how: Literal["revoke", "disable"],
    streams: list["_Stream"],
    kept: "_Kept",
    *,
    opened: bool,
    kept_before: bool,
) -> CutStream:
    ended = asyncio.get_running_loop().time()
    await asyncio.sleep(session.target.claims.revocation_latency + _GRACE)
    cut, sibling = streams
    fresh = await calls.send(session, calls.chat(session, cut.key.secret, "ended"))
    deadline = asyncio.get_running_loop().time()
    made = [stream.made() for stream in streams]
    came = [stream.text() for stream in streams]
    await _until(lambda: sibling.over() or sibling.text() >= made[1] + _ENOUGH)
    late = [
        max(0, min(stream.text() - came[place], stream.text() - made[place]))
        for place, stream in enumerate(streams)
    ]
    last = cut.last_text(ended)
    begun = [call for call in session.provider().carrying(cut.asked.atom) if call.begun > deadline]
    return CutStream(
        how=how,
        opened=opened,
        refused=isinstance(fresh, Answer) and not calls.admitted(fresh),
        late=late[0],
        sibling_late=late[1],
        last_ms=None if last is None else int(1000 * (last - ended)),
        begun_late=len(begun),
        kept_before=kept_before,
        kept_after=await kept.ask(),
    )


async def _all_begun(streams: list["_Stream"]) -> bool:
    """Start all streams, and wait until each brought text while its provider had more to say."""
    for stream in streams:
        await stream.start()
    await _until(lambda: all(stream.text() or stream.over() for stream in streams))
    return all(stream.text() and not stream.over() for stream in streams)


async def _until(true: Callable[[], bool]) -> None:
    """Wait for something, and in vain for a few seconds."""
    loop = asyncio.get_running_loop()
    patience = loop.time() + _PATIENCE
    while not true() and loop.time() < patience:  # noqa: ASYNC110 - neither end tells anybody
        await asyncio.sleep(_POLL)


def _bytes(session: Session, asked: calls.Asked) -> bytes:
    body = msgspec.json.encode(asked.body)
    return request(session, asked.path, asked.headers, body) + body


@dataclass(slots=True)
class _Stream:
    """One streamed call on a connection of its own, which the provider answers bit by bit."""

    session: Session
    key: Key
    asked: calls.Asked = field(init=False)
    body: bytearray = field(default_factory=bytearray)
    marks: list[tuple[float, int]] = field(default_factory=list)  # when the body was how long
    _line: Line | None = None
    _reading: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        """Ask for a stream that outlives the deadline."""
        seconds = self.session.target.claims.revocation_latency + _LASTS
        pace = max(1, int(1000 * seconds / _PIECES))
        self.asked = calls.chat(
            self.session, self.key.secret, "stream", stream=True, fault=f"paced-{pace}", max_tokens=_TOKENS
        )

    async def start(self) -> None:
        """Send the request and read in the background. What breaks ends the reading."""
        await self.session.meter.admit(money=calls.worst_case(self.session, self.asked))
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            self._line = await Line.open(self.session, (await places(self.session))[0])
            self._line.write(_bytes(self.session, self.asked))
            async for event in self._line.events():
                if isinstance(event, h11.Data):
                    self.body += event.data
                    self.marks.append((asyncio.get_running_loop().time(), len(self.body)))
        except _BROKEN:
            return  # which is one way to end a stream

    def over(self) -> bool:
        """Whether nothing more will come."""
        return self._reading is None or self._reading.done()

    def text(self) -> int:
        """Characters of text that came so far."""
        return _text(bytes(self.body))

    def made(self) -> int:
        """Characters of text that the provider has sent for it so far."""
        return sum(len(call.text) for call in self.session.provider().carrying(self.asked.atom))

    def last_text(self, since: float) -> float | None:
        """When the last text came after a moment of the loop's time; None: none did."""
        before = max((size for at, size in self.marks if at <= since), default=0)
        known, last = _text(bytes(self.body[:before])), None
        for at, size in self.marks:
            if at > since and (text := _text(bytes(self.body[:size]))) > known:
                known, last = text, at
        return last

    async def close(self) -> None:
        """Leave it."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        if self._line is not None:
            self._line.abort()


def _text(body: bytes) -> int:
    return sum(len(choice.text) for choice in choices(body).values())


@dataclass(slots=True)
class _Kept:
    """A connection that is kept open between two calls with the same key."""

    session: Session
    key: Key
    _line: Line | None = None

    async def ask(self) -> str:
        """One call: its status, or what happened instead."""
        asked = calls.chat(self.session, self.key.secret, "kept")
        await self.session.meter.admit(money=calls.worst_case(self.session, asked))
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.session.target.limits.timeout):
                if self._line is None:
                    self._line = await Line.open(self.session, (await places(self.session))[0])
                elif not self._line.reusable():
                    return "closed"
                self._line.write(_bytes(self.session, asked))
                answer = await self._line.answer(loop.time())
        except TimeoutError:
            return "timeout"
        except _BROKEN:
            return "closed"
        return "closed" if answer is None else str(answer.status)

    def close(self) -> None:
        """Leave it."""
        if self._line is not None:
            self._line.abort()
