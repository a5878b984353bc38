"""Streams are read while canaries pass, and searched afterwards; what broke off is told."""

import asyncio
import queue
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from conformance.collectors.following import Followed, captured, size_of
from conformance.collectors.streams import Item
from conformance.collectors.surfaces import surfaces_scanned
from conformance.collectors.watching import watched, watching
from conformance.model.storage import ScannedSurface
from conformance.session import Session
from conformance.target import Surface
from tests.collectors.auditing import session_over
from tests.collectors.http_server import Desk, http_server

_SECONDS = 20.0


class Tap:
    """A stream that goes on until it is closed."""

    def __init__(self) -> None:
        self._pieces: queue.Queue[bytes] = queue.Queue()

    def say(self, text: str) -> None:
        """Send an event to whoever listens."""
        self._pieces.put(f"data: {text}\n\n".encode())

    def close(self) -> None:
        """End the stream of one listener."""
        self._pieces.put(b"")

    def pieces(self) -> Iterator[bytes]:
        """What one listener gets."""
        return iter(self._pieces.get, b"")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with http_server(tmp_path / "tls", Desk()) as serving:
        yield serving


def stream(desk: Desk, path: str = "/logs") -> Surface:
    return Surface(kind="http", locator=desk.url(path), ca_file="tls/ca.pem", follow=True)


def followed(session: Session, act: Callable[[], Awaitable[None]]) -> ScannedSurface:
    """Act while everything is followed, then scan."""

    async def run() -> ScannedSurface:
        async with asyncio.timeout(_SECONDS), watching(session):
            await act()
            return (await surfaces_scanned(session)).surfaces[0]

    return asyncio.run(run())


async def until(session: Session, size: int) -> None:
    """Wait until so many bytes came."""
    (surface,) = session.target.surfaces
    while size_of(session, surface).bytes < size:  # noqa: ASYNC110 - bytes come, and no event tells of them
        await asyncio.sleep(0.01)


def test_what_a_log_stream_shows_while_canaries_pass_is_found(desk: Desk, tmp_path: Path) -> None:
    tap = Tap()
    desk.streams["/logs"] = tap.pieces
    with session_over(tmp_path, stream(desk)) as session:
        atom = session.mint.atom("success", "user")

        async def act() -> None:
            tap.say("started")
            tap.say(atom)
            await until(session, len("data: started\n\n") + len(atom) + len("data: \n\n"))

        scanned = followed(session, act)
    tap.close()
    assert [s.canary.field for s in scanned.sightings if s.canary] == ["user"]
    assert scanned.coverage.deciding_gaps() == ()
    assert list((session.run_folder).glob("*tmp*")) == []


def test_a_stream_that_broke_off_is_taken_up_again(desk: Desk, tmp_path: Path) -> None:
    tap = Tap()
    desk.streams["/logs"] = tap.pieces
    with session_over(tmp_path, stream(desk)) as session:

        async def act() -> None:
            tap.say("before")
            tap.close()
            tap.say("after")
            await until(session, len("data: before\n\ndata: after\n\n"))

        scanned = followed(session, act)
    tap.close()
    (gap,) = scanned.coverage.gaps
    assert (gap.reason, gap.deciding) == ("it broke off and was taken up again 1 times (it ended)", False)


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "it answered 401"), (404, "it answered 404"), (500, "it answered 500")]
)
def test_a_stream_that_was_never_open_is_a_gap(desk: Desk, tmp_path: Path, status: int, reason: str) -> None:
    desk.answers["/logs"] = status, b"no"
    with session_over(tmp_path, stream(desk)) as session:
        scanned = followed(session, lambda: asyncio.sleep(0))
    assert [gap.reason for gap in scanned.coverage.deciding_gaps()] == [reason]


def test_the_output_of_a_command_is_followed_and_the_command_ended(tmp_path: Path) -> None:
    code = "import time; print('a line', flush=True); time.sleep(600)"
    surface = Surface(kind="command", locator="pod logs", command=(sys.executable, "-c", code), follow=True)
    with session_over(tmp_path, surface) as session:
        scanned = followed(session, lambda: until(session, len("a line\n")))
    assert scanned.coverage.bytes_raw == len("a line\n")
    assert scanned.coverage.deciding_gaps() == ()


def test_a_stream_is_kept_as_far_as_its_limit_goes(desk: Desk, tmp_path: Path) -> None:
    tap = Tap()
    desk.streams["/logs"] = tap.pieces
    limited = Surface(
        kind="http", locator=desk.url("/logs"), ca_file="tls/ca.pem", follow=True, most_bytes=20
    )
    with session_over(tmp_path, limited) as session:

        async def act() -> None:
            tap.say("x" * 100)
            await until(session, 20)

        scanned = followed(session, act)
    tap.close()
    assert [gap.reason for gap in scanned.coverage.deciding_gaps()] == ["more came than the 20 bytes kept"]


def test_a_stream_that_nobody_followed_is_a_gap(desk: Desk, tmp_path: Path) -> None:
    with session_over(tmp_path, stream(desk)) as session:
        found = list(captured(session, stream(desk)) or ())
    assert watched(session, Followed) is None
    assert [item.reason for item in found if not isinstance(item, Item)] == [
        "it was not followed: the campaign was not begun"
    ]


def test_other_surfaces_are_not_captured(tmp_path: Path) -> None:
    surface = Surface(kind="files", locator="a")
    with session_over(tmp_path, surface) as session:
        assert captured(session, surface) is None
