"""Paths that anybody may ask for: what they stream while content passes, and what they show afterwards."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from conformance.collectors.watching import watching
from conformance.model.evidence import CannotObserve
from conformance.model.open_paths import OpenPaths
from conformance.model.preflight import Preflight, Step
from conformance.probes.open_paths import open_paths, well_known
from conformance.session import Session
from conformance.target import Limits
from conformance.witness.canaries import Counted
from conformance.witness.server import Witness
from tests.probes.conftest import PRICE, Opened, run, target
from tests.probes.servers import Script, listening, request

PATIENT = Limits(requests=10_000, rate=1e5, timeout=5.0)
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
Serve = Callable[[asyncio.StreamWriter], Awaitable[None]]


def serving(paths: dict[str, Serve]) -> Script:
    """A server that serves some paths, and knows no others."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, _ = await request(reader)
        serve = paths.get(head.split(b" ")[1].decode())
        if serve is None:
            writer.write(_NOT_FOUND)
            await writer.drain()
        else:
            await serve(writer)

    return script


def page(text: Callable[[], str]) -> Serve:
    """An answer of the moment."""

    async def serve(writer: asyncio.StreamWriter) -> None:
        body = text().encode()
        head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        writer.write(head + body)
        await writer.drain()

    return serve


def stream(heard: "asyncio.Queue[str]", sent: asyncio.Event) -> Serve:
    """An answer that goes on."""

    async def serve(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: here\n\n")
        await writer.drain()
        while True:
            writer.write(f"data: {await heard.get()}\n\n".encode())
            await writer.drain()
            sent.set()

    return serve


async def looked(session: Session, act: Callable[[str], Awaitable[None]]) -> OpenPaths:
    """Let content pass while the paths are watched, then look."""
    session.gathered[Preflight] = Preflight(
        steps=(Step(name="witness", detail="", proves="witness"),), price=PRICE
    )
    session.witness = Witness(host="127.0.0.1", port=0, tls=None, canaries=Counted())
    async with watching(session):
        await act(session.mint.text(session.mint.atom("success", "user")))
        return await open_paths(session)


def test_a_page_that_shows_the_last_requests_is_read_after_they_passed(opened: Opened) -> None:
    passed: list[str] = []

    async def act(text: str) -> None:
        passed.append(text)

    async def scene() -> OpenPaths:
        pages = {"/debug/requests": page(lambda: "\n".join(passed)), "/metrics": page(lambda: "up 1\n")}
        async with listening(serving(pages)) as port, opened(target(port)) as session:
            return await looked(session, act)

    found = run(scene)
    assert {path.url for path in found.shown} == {"/debug/requests", "/metrics"}
    assert {s.item for s in found.sightings} == {"/debug/requests"}
    assert (found.asked, found.answered, found.unanswered) == (len(well_known()), len(well_known()), ())


def test_a_stream_is_read_while_content_passes(opened: Opened) -> None:
    async def scene() -> OpenPaths:
        heard: asyncio.Queue[str] = asyncio.Queue()
        sent = asyncio.Event()

        async def act(text: str) -> None:
            heard.put_nowait(text)
            await sent.wait()

        async with (
            listening(serving({"/logs/stream": stream(heard, sent)})) as port,
            opened(target(port, limits=PATIENT)) as session,
        ):
            return await looked(session, act)

    found = run(scene)
    assert [(path.url, path.streamed) for path in found.shown] == [("/logs/stream", True)]
    assert {s.item for s in found.sightings} == {"/logs/stream (streamed)"}


def test_paths_of_a_key_api_that_is_elsewhere_are_asked_for_too(opened: Opened) -> None:
    async def scene() -> OpenPaths:
        async with (
            listening(serving({})) as content,
            listening(serving({"/metrics": page(lambda: "up 1\n")})) as admin,
            opened(target(content, admin_url=f"http://localhost:{admin}")) as session,
        ):
            return await looked(session, lambda _text: asyncio.sleep(0))

    found = run(scene)
    assert found.asked == 2 * len(well_known())
    assert [path.url.partition("//")[2].partition("/")[2] for path in found.shown] == ["metrics"]


def test_nothing_more_is_asked_of_who_does_not_answer(opened: Opened) -> None:
    async def closing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        """Hangs up."""

    async def scene() -> tuple[OpenPaths, int]:
        async with listening(closing) as port, opened(target(port)) as session:
            return await looked(session, lambda _text: asyncio.sleep(0)), session.meter.requests

    found, requests = run(scene)
    assert found.answered == 0
    assert len(found.unanswered) == len(well_known())
    assert requests < 2 * len(well_known())


def test_without_a_watch_nothing_is_concluded(opened: Opened) -> None:
    async def scene() -> OpenPaths:
        async with listening(serving({})) as port, opened(target(port)) as session:
            return await open_paths(session)

    with pytest.raises(CannotObserve, match="no content was sent"):
        run(scene)


def test_the_paths_begin_with_a_slash_and_are_named_once() -> None:
    assert all(path.startswith("/") for path in well_known())
    assert len(set(well_known())) == len(well_known())
