"""Well-known paths for debugging and operation, asked for without a credential: what they stream while content passes, and what
they show afterwards.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import httpx
import msgspec

from conformance.catalogue import Cost, Phase, observes
from conformance.collectors.spool import Spool
from conformance.collectors.streams import Item, Missed
from conformance.collectors.surfaces import SurfaceLook, scan_surface
from conformance.collectors.watching import watch, watched
from conformance.model.evidence import CannotObserve
from conformance.model.open_paths import OpenPaths, ShownPath
from conformance.model.scale import Disruption, Fault, Level
from conformance.probes.door import Answer, NoAnswer, Reply
from conformance.scan.engine import canary_engine
from conformance.scan.tally import Tally
from conformance.session import Session
from conformance.target import Surface, Target

_AT_ONCE = 6
_STREAM_SECONDS = 1.0  # an answer that has not ended by then is a stream
_ANSWER_SECONDS = 5.0
_MOST_STREAMS = 4
_MOST_OPENED = 50  # times that one is taken up
_MOST_STREAMED = 1 << 26  # bytes of one stream that are kept
_MOST_SILENT = 3  # paths without an answer; then nothing more is asked
_LISTED = 100
_SURFACE = Surface(kind="http", locator="open paths")


@cache
def well_known() -> tuple[str, ...]:
    """The paths, as they are known of web frameworks, servers and gateways."""
    return tuple(
        msgspec.json.decode((Path(__file__).parent / "open_paths.json").read_bytes(), type=list[str])
    )


@dataclass(slots=True)
class _Stream:
    """An answer that goes on."""

    url: str
    status: int
    spool: Spool
    full: bool = False
    opened: int = 1  # times


@dataclass(slots=True)
class Streams:
    """The paths that stream, and what they sent so far."""

    found: list[_Stream] = field(default_factory=list)


@watch(OpenPaths)
@asynccontextmanager
async def open_streams(session: Session) -> AsyncIterator[Streams]:
    """Ask for every path before content is sent, and go on reading what does not end."""
    streams, tasks = Streams(), []
    try:
        if session.sees_provider():
            queue = list(_urls(session.target))
            settled = [asyncio.Event() for _ in range(_AT_ONCE)]
            tasks = [asyncio.ensure_future(_search(session, streams, queue, event)) for event in settled]
            with suppress(TimeoutError):
                async with asyncio.timeout(session.target.limits.timeout):
                    for event in settled:
                        await event.wait()
        yield streams
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for stream in streams.found:
            stream.spool.close()


async def _search(session: Session, streams: Streams, queue: list[str], settled: asyncio.Event) -> None:
    """Ask for paths in turn until one streams; that one is read for as long as the watch is kept."""
    while queue and len(streams.found) < _MOST_STREAMS:
        try:
            await _first_look(session, streams, queue.pop(0), settled)
        except (CannotObserve, httpx.HTTPError, OSError, TimeoutError):
            continue  # it is asked again when content has passed: then an answer that lacks is told
    settled.set()


async def _first_look(session: Session, streams: Streams, url: str, settled: asyncio.Event) -> None:
    limits = session.target.limits
    async with session.door.stream("GET", url, deadline=limits.seconds) as opened:
        if isinstance(opened, NoAnswer) or not opened.is_success:
            return
        pieces = opened.aiter_raw()
        begun, coming = await _begun(pieces)
        if coming is None:
            return
        if len(streams.found) >= _MOST_STREAMS:
            coming.cancel()
            return
        stream = _Stream(url, opened.status_code, Spool(_private(session), _MOST_STREAMED))
        streams.found.append(stream)
        settled.set()
        stream.spool.add(begun)
        with suppress(httpx.TransportError):
            stream.spool.add(await coming or b"")
            await _keep(stream, pieces)
    # Silence for as long as a request may take ends the exchange, and servers end streams: it is taken up again.
    while not stream.full and stream.opened < _MOST_OPENED:
        stream.opened += 1
        with suppress(httpx.TransportError):
            async with session.door.stream("GET", url, deadline=limits.seconds) as again:
                if isinstance(again, NoAnswer) or not again.is_success:
                    return
                await _keep(stream, again.aiter_raw())


async def _keep(stream: _Stream, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        if not stream.spool.add(piece):
            stream.full = True
            return


async def _begun(pieces: AsyncIterator[bytes]) -> "tuple[bytes, asyncio.Future[bytes | None] | None]":
    """What came until it was clear that more will come, and what comes next; None in its place where it ended."""
    begun = bytearray()
    loop = asyncio.get_running_loop()
    until = loop.time() + _STREAM_SECONDS
    while True:
        coming = asyncio.ensure_future(anext(pieces, None))
        done, _ = await asyncio.wait([coming], timeout=max(0.0, until - loop.time()))
        if not done:
            return bytes(begun), coming
        piece = coming.result()
        if piece is None or len(begun) > _MOST_STREAMED:
            return bytes(begun), None
        begun += piece


def _cost(target: Target, _sample: int) -> Cost:
    return Cost(requests=2 * len(tuple(_urls(target))), seconds=5.0)


@observes(
    phase=Phase.INSIDE,
    level=Level.OUTSIDE,
    disruption=Disruption.ACTIVE_SAFE,
    access=("key", "witness"),
    cost=_cost,
)
async def open_paths(session: Session) -> OpenPaths:
    """Ask for well-known paths of debugging and operation without a credential, and search what they show."""
    streams = watched(session, Streams)
    if streams is None:
        raise CannotObserve(
            "no content was sent, so that there is nothing that a path could show",
            fault=Fault.OPERATOR,
            decide="audit with the campaign, which takes a key and the witness",
        )
    streaming = {stream.url for stream in streams.found}
    urls = [url for url in _urls(session.target) if url not in streaming]
    replies = await _asked(session, urls)
    shown = {u: r for u, r in replies.items() if isinstance(r, Answer) and 200 <= r.status < 300}
    items = [*_answers(session, shown), *_streamed(session, streams.found)]
    look = await asyncio.to_thread(_searched, session, items)
    unanswered = [url for url in urls if not isinstance(replies.get(url), Answer)]
    return OpenPaths(
        asked=len(urls) + len(streaming),
        answered=len(urls) + len(streaming) - len(unanswered),
        unanswered=tuple(_path(session, url) for url in unanswered[:_LISTED]),
        shown=tuple(
            [ShownPath(url=_path(session, u), status=a.status, bytes=len(a.body)) for u, a in shown.items()]
            + [
                ShownPath(url=_path(session, s.url), status=s.status, bytes=s.spool.size, streamed=True)
                for s in streams.found
            ]
        )[:_LISTED],
        searched=len(session.mint.issued),
        coverage=look.tally.coverage(),
        sightings=tuple(look.first.values())[:_LISTED],
        sightings_total=look.totals[""],
    )


async def _asked(session: Session, urls: Iterable[str]) -> dict[str, Reply]:
    """The answer of each path, each asked twice at most; nothing more is asked once several gave none."""
    replies: dict[str, Reply] = {}
    silent: list[str] = []
    queue = list(urls)

    async def ask() -> None:
        while queue and len(silent) < _MOST_SILENT:
            url = queue.pop(0)
            for _ in range(2):
                replies[url] = await session.door.send("GET", url, deadline=_ANSWER_SECONDS)
                if isinstance(replies[url], Answer):
                    break
            else:
                silent.append(url)

    await asyncio.gather(*(ask() for _ in range(_AT_ONCE)))
    return replies


def _answers(session: Session, shown: dict[str, Answer]) -> Iterator[Item | Missed]:
    for url, answer in shown.items():
        name = _path(session, url)
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers).encode("latin-1", "replace")
        yield Item(name=name, open=partial(iter, (headers, answer.body)), size=len(answer.body))
        if answer.truncated:
            yield Missed(name=name, reason="it was not read to its end")


def _streamed(session: Session, streams: Iterable[_Stream]) -> Iterator[Item | Missed]:
    for stream in streams:
        name = f"{_path(session, stream.url)} (streamed)"
        yield Item(name=name, open=stream.spool.chunks, size=stream.spool.size)
        if stream.full:
            yield Missed(name=name, reason=f"more came than the {stream.spool.size:,} bytes kept")


def _searched(session: Session, items: Iterable[Item | Missed]) -> SurfaceLook:
    look = SurfaceLook(tally=Tally())
    return scan_surface(_SURFACE, session.base, canary_engine(session.mint), tally=look.tally, found=items)


def _urls(target: Target) -> Iterator[str]:
    """Every path, on the content API and on the key API where that is apart."""
    for origin in dict.fromkeys((target.origin(), target.key_api_url())):
        yield from (origin + path for path in well_known())


def _path(session: Session, url: str) -> str:
    """A path of the content API as it is; of another origin with it."""
    return url.removeprefix(session.target.origin())


def _private(session: Session) -> Path:
    private = session.run_folder / "private"
    return private if private.is_dir() else session.run_folder
