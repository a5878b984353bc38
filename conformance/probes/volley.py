"""A volley: requests that arrive at once.

All connections are opened first and every request is sent but for its last byte; then the last bytes leave together. What
separates the arrivals is one write each (last-byte synchronisation, as in research on HTTP race conditions), not
handshakes or request building, so that windows of a few milliseconds between check and record are hit.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import h11
import msgspec

from conformance.probes.calls import Asked, worst_case
from conformance.probes.door import NoAnswer, Reply
from conformance.probes.line import Line, places, request
from conformance.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One request of a volley: what came back, and when it left and was answered (loop time, seconds)."""

    asked: Asked
    reply: Reply
    left: float
    answered: float


def _nobody() -> None:
    return


async def fire(
    session: Session, salvo: Sequence[Asked], *, answered: Callable[[], None] = _nobody
) -> tuple[Shot, ...]:
    """Send all requests at once, each on a connection of its own, to every address in turn; the shots in the order given.

    `answered` is called for each as soon as its answer, or the lack of one, is known.
    """
    for asked in salvo:
        await session.meter.admit(money=worst_case(session, asked))
    addresses = await places(session)
    guns = [_Gun(session, asked, addresses[i % len(addresses)]) for i, asked in enumerate(salvo)]

    async def shot(gun: "_Gun") -> Shot:
        try:
            return await gun.result()
        finally:
            answered()

    try:
        await asyncio.gather(*(gun.load() for gun in guns))
        for gun in guns:
            gun.trigger()
        return tuple(await asyncio.gather(*(shot(gun) for gun in guns)))
    finally:
        for gun in guns:
            gun.close()


async def pipeline(session: Session, salvo: Sequence[Asked]) -> tuple[Shot, ...]:
    """Send all requests at once on one connection, none waiting for an answer; the shots in the order given."""
    for asked in salvo:
        await session.meter.admit(money=worst_case(session, asked))
    loop = asyncio.get_running_loop()
    left, shots = loop.time(), []
    line: Line | None = None
    trouble = ""
    try:
        line = await Line.open(session, (await places(session))[0])
        line.write(b"".join(b"".join(_parts(session, asked)) for asked in salvo))
    except (OSError, ssl.SSLError) as why:
        trouble = type(why).__name__
    for asked in salvo:
        reply: Reply | None = None
        if line is not None and not trouble:
            reply, trouble = await _next(session, line, left)
        shots.append(
            Shot(asked=asked, reply=reply or _no_answer("reset", trouble), left=left, answered=loop.time())
        )
    if line is not None:
        line.close()
    return tuple(shots)


async def _next(session: Session, line: Line, since: float) -> tuple[Reply | None, str]:
    """The next answer, or the trouble there was instead."""
    try:
        async with asyncio.timeout(session.target.limits.timeout):
            reply = await line.answer(since)
    except (OSError, TimeoutError, h11.ProtocolError, ssl.SSLError) as trouble:
        return None, type(trouble).__name__
    return reply, "" if reply is not None else "closed"


class _Gun:
    """One connection with a request that lacks its last byte."""

    def __init__(self, session: Session, asked: Asked, address: str) -> None:
        self._session = session
        self._asked = asked
        self._address = address
        self._timeout = session.target.limits.timeout
        self._trouble = ""
        self._left = 0.0
        self._line: Line | None = None
        self._last = b""

    async def load(self) -> None:
        """Connect and send all but the last byte; trouble is kept for the result."""
        head, body = _parts(self._session, self._asked)
        try:
            async with asyncio.timeout(self._timeout):
                self._line = await Line.open(self._session, self._address)
                self._line.write(head + body[:-1])
                await self._line.flush()
        except (OSError, TimeoutError, ssl.SSLError) as trouble:
            self._trouble = f"{type(trouble).__name__}"
        self._last = body[-1:]

    def trigger(self) -> None:
        """Send the last byte."""
        self._left = asyncio.get_running_loop().time()
        if self._line is not None and not self._trouble:
            self._line.write(self._last)

    async def result(self) -> Shot:
        """The whole answer."""
        reply: Reply
        try:
            async with asyncio.timeout(self._timeout):
                reply = await self._read()
        except TimeoutError:
            reply = _no_answer("timeout", self._trouble)
        except (OSError, h11.RemoteProtocolError, ssl.SSLError) as trouble:
            reply = _no_answer("reset", type(trouble).__name__)
        return Shot(
            asked=self._asked, reply=reply, left=self._left, answered=asyncio.get_running_loop().time()
        )

    def close(self) -> None:
        if self._line is not None:
            self._line.abort()

    async def _read(self) -> Reply:
        if self._line is None or self._trouble:
            return _no_answer("unreachable", self._trouble)
        return await self._line.answer(self._left) or _no_answer("reset", self._trouble)


def _parts(session: Session, asked: Asked) -> tuple[bytes, bytes]:
    body = msgspec.json.encode(asked.body)
    return request(session, asked.path, asked.headers, body), body


def _no_answer(kind: str, detail: str) -> NoAnswer:
    return msgspec.convert({"kind": kind, "detail": detail, "ms": 0}, NoAnswer)
