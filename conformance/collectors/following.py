"""Surfaces that go on for as long as they are read: log streams of endpoints and commands, followed while canaries pass."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from conformance.collectors.kinds.command import environment
from conformance.collectors.kinds.http import TROUBLE, opening
from conformance.collectors.reading import measure
from conformance.collectors.spool import Spool
from conformance.collectors.streams import CHUNK, Item, Missed
from conformance.collectors.watching import watch, watched
from conformance.model.storage import StoredKeys, SurfaceScan, SurfaceSize
from conformance.session import Session
from conformance.target import Surface
from conformance.target_file import OperatorError

_MOST = 1 << 30  # bytes of one stream that are kept
_READY_SECONDS = 5.0  # for which the campaign waits until a stream is open
_AGAIN_SECONDS = 0.2
_MOST_BREAKS = 100


class BrokenOff(Exception):
    """A stream ended, or could not be opened; the text says why."""


@dataclass(slots=True)
class Stream:
    """One surface that is followed, and what became of it."""

    surface: Surface
    spool: Spool
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    open: bool = False
    opened: int = 0  # times
    trouble: str = ""  # of the last time that it broke off
    full: bool = False

    def found(self) -> Iterator[Item | Missed]:
        """What came so far, and what may be missing of it."""
        yield Item(name=self.surface.locator, open=self.spool.chunks, size=self.spool.size)
        if not self.open:
            yield Missed(name=self.surface.locator, reason=self.trouble or "it was not open in time")
        elif self.opened > 1:
            reason = f"it broke off and was taken up again {self.opened - 1} times ({self.trouble})"
            yield Missed(name=self.surface.locator, reason=reason, deciding=False)
        if self.full:
            yield Missed(
                name=self.surface.locator, reason=f"more came than the {self.spool.size:,} bytes kept"
            )


Pieces = Callable[[Stream, Path], AsyncGenerator[bytes, None]]


class Followed:
    """All surfaces that are followed, by locator."""

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        """The streams as they were begun."""
        self._streams = streams

    def found(self, surface: Surface) -> Iterator[Item | Missed]:
        """What came from a surface so far."""
        stream = self._streams.get(surface.locator)
        if stream is None:
            yield Missed(name=surface.locator, reason="it was not followed: the campaign was not begun")
        else:
            yield from stream.found()

    def size(self, surface: Surface) -> int:
        """How many bytes came so far."""
        stream = self._streams.get(surface.locator)
        return stream.spool.size if stream is not None else 0


def captured(session: Session, surface: Surface) -> Iterator[Item | Missed] | None:
    """What was found in a surface that is followed; None for any other, which is read when that is asked for."""
    if not surface.follow:
        return None
    streams = watched(session, Followed) or Followed({})
    return streams.found(surface)


def size_of(session: Session, surface: Surface) -> SurfaceSize:
    """How large a surface is now: of one that is followed, how much came."""
    if not surface.follow:
        return measure(surface, session.base)
    return SurfaceSize(bytes=(watched(session, Followed) or Followed({})).size(surface), items=1)


@watch(SurfaceScan, StoredKeys)
@asynccontextmanager
async def followed(session: Session) -> AsyncIterator[Followed]:
    """Follow every surface that asks for it."""
    streams, tasks = {}, []
    for surface in session.target.surfaces:
        if surface.follow:
            spool = Spool(_private(session.run_folder), min(_MOST, surface.most_bytes))
            streams[surface.locator] = stream = Stream(surface, spool)
            tasks.append(asyncio.ensure_future(_follow(stream, session.base)))
    try:
        await _all_ready(streams.values())
        yield Followed(streams)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in streams.values():
            stream.spool.close()


def _private(run_folder: Path) -> Path:
    """The run's private folder; a run without one is a test's."""
    private = run_folder / "private"
    return private if private.is_dir() else run_folder


async def _all_ready(streams: Iterable[Stream]) -> None:
    waiting = [asyncio.ensure_future(stream.ready.wait()) for stream in streams]
    if waiting:
        _, late = await asyncio.wait(waiting, timeout=_READY_SECONDS)
        for task in late:
            task.cancel()


async def _follow(stream: Stream, base: Path) -> None:
    """Read a stream, and take it up again where it breaks off."""
    pieces: Pieces = _printed if stream.surface.kind == "command" else _streamed
    while stream.opened <= _MOST_BREAKS:
        try:
            async with aclosing(pieces(stream, base)) as coming:
                async for piece in coming:
                    if not stream.spool.add(piece):
                        stream.full = True
                        return
            stream.trouble = "it ended"
        except BrokenOff as trouble:
            stream.trouble = str(trouble)
        stream.open = False
        stream.ready.set()  # whatever is wrong with it, nobody need wait
        await asyncio.sleep(_AGAIN_SECONDS)


def _opened(stream: Stream) -> None:
    stream.open = True
    stream.opened += 1
    stream.ready.set()


async def _streamed(stream: Stream, base: Path) -> AsyncGenerator[bytes, None]:
    """What an endpoint sends, for as long as it does."""
    try:
        how = opening(stream.surface, base, "text/event-stream, */*;q=0.5")
    except OperatorError as error:
        raise BrokenOff(str(error)) from None
    timeout = httpx.Timeout(_READY_SECONDS, read=None)  # silence is no fault of a stream
    try:
        async with (
            httpx.AsyncClient(verify=how.verify, trust_env=False, timeout=timeout) as client,
            client.stream("GET", stream.surface.locator, headers=how.headers) as answer,
        ):
            if not answer.is_success:
                raise BrokenOff(f"it answered {answer.status_code}")
            _opened(stream)
            async for piece in answer.aiter_raw():
                yield piece
    except TROUBLE as error:
        raise BrokenOff(type(error).__name__) from None


async def _printed(stream: Stream, base: Path) -> AsyncGenerator[bytes, None]:
    """What a command prints, for as long as it runs; it is ended with all that it started."""
    surface = stream.surface
    try:
        process = await asyncio.create_subprocess_exec(
            *surface.command,
            cwd=base,
            env=environment(surface),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise BrokenOff(f"the command could not be run: {type(error).__name__}") from None
    assert process.stdout is not None  # noqa: S101 - it was started with a pipe
    _opened(stream)
    try:
        while piece := await process.stdout.read(CHUNK):
            yield piece
        raise BrokenOff(f"the command ended with status {await process.wait()}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
