"""The same is written before the campaign and at its end: what was written last must be found, or the scan came too early."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from conformance.collectors.controls import Controls, controlled
from conformance.collectors.reading import measure
from conformance.collectors.surfaces import surfaces_scanned
from conformance.model.storage import ScannedSurface
from conformance.session import Session
from tests.collectors.auditing import files, session_over
from tests.collectors.test_surfaces import WRITER

LOG = files("gateway.log")
# Writes over what it wrote before; writes for as long as a file is there; says that it wrote.
REPLACING = ("sh", "-c", 'echo "control $2" > "$1"', "sh", "{locator}", "{text}")
WHILE_OPEN = ("sh", "-c", 'test ! -e open || echo "$2" >> "$1"', "sh", "{locator}", "{text}")
IDLE = ("true",)


def audited(session: Session, campaign: Callable[[], object] = lambda: None) -> ScannedSurface:
    """The log after controls, a campaign that leaves a line, and a scan."""

    async def look() -> ScannedSurface:
        async with controlled(session) as controls:
            session.watched[Controls] = controls
            session.before["gateway.log"] = measure(LOG, session.base)
            campaign()
            (surface,) = (await surfaces_scanned(session)).surfaces
        await session.door.close()
        return surface

    (session.base / "gateway.log").touch()
    session.mint.atom("success", "user")
    return asyncio.run(look())


@contextmanager
def logging_gateway(write: Callable[[str], None]) -> Iterator[str]:
    """A gateway that refuses everything, and hands the user agent of each request to who writes its log: where it listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            write(f"404 {self.headers['user-agent']}\n")
            self.send_error(404)

        def log_message(self, *_arguments: object) -> None:
            """The log is kept by `write`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_what_was_planted_first_and_last_measures_what_the_scan_sees(tmp_path: Path) -> None:
    with session_over(tmp_path, LOG, plant=WRITER) as session:
        surface = audited(session)

    assert (surface.planted, surface.planted_found, surface.sensitivity) == (6, 6, 1.0)
    assert surface.controls[0].detail == "6 of 6 planted canaries were found, the last one as raw"
    assert surface.doubt() == ""


def test_what_was_overwritten_in_the_meantime_counts_against_the_scan(tmp_path: Path) -> None:
    with session_over(tmp_path, LOG, plant=REPLACING) as session:
        surface = audited(session)

    assert (surface.planted, surface.planted_found, surface.sensitivity) == (6, 1, 0.1667)
    assert surface.doubt() == ""


def test_a_log_that_is_written_over_what_was_appended_to_it_still_shows_what_was_planted_last(
    tmp_path: Path,
) -> None:
    with (tmp_path / "gateway.log").open("w") as log:

        def write(line: str) -> None:
            log.write(line.ljust(100))
            log.flush()

        with (
            logging_gateway(write) as origin,
            session_over(tmp_path, LOG, plant=WRITER, origin=origin) as session,
        ):
            surface = audited(session)

    assert (surface.planted, surface.planted_found) == (6, 3)
    assert surface.doubt() == ""


@pytest.mark.parametrize("plant", [IDLE, WHILE_OPEN], ids=["never", "not any more"])
def test_a_canary_that_was_planted_last_and_is_not_there_leaves_all_open(
    plant: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "open").touch()
    with session_over(tmp_path, LOG, plant=plant) as session:
        session.expected_values.append("key_7hT2kQ9pLm1")
        surface = audited(session, campaign=lambda: _leave(tmp_path, "key_7hT2kQ9pLm1"))

    assert surface.proven()
    assert surface.behind == "none of the 3 canaries that `control.plant` wrote last was found"
    assert "may come later than the scan did" in surface.doubt()


def test_what_the_suite_planted_is_no_content(tmp_path: Path) -> None:
    with session_over(tmp_path, LOG, plant=WRITER) as session:
        surface = audited(session)

    assert (surface.sightings, surface.sightings_total, surface.cells) == ((), 0, ())


def test_a_canary_that_is_no_content_shows_sight_where_nothing_else_does(tmp_path: Path) -> None:
    with session_over(tmp_path, LOG) as session:
        name = session.mint.atom("unknown model", "model")
        surface = audited(session, campaign=lambda: _append(tmp_path, f"no such model: {name}\n"))

    assert [(control.kind, control.decisive) for control in surface.controls][:1] == [("canary", True)]
    assert surface.controls[0].detail == "1 canaries of this run were found"
    assert surface.doubt() == ""


def test_the_last_requests_are_told_by_their_user_agent(tmp_path: Path) -> None:
    def write(line: str) -> None:
        _append(tmp_path, line)

    with logging_gateway(write) as origin, session_over(tmp_path, LOG, origin=origin) as session:
        surface = audited(session)

    assert [(control.kind, control.decisive) for control in surface.controls][:1] == [("request", True)]
    assert surface.controls[0].detail == "3 of the last 3 requests were found"
    assert surface.behind == ""


def test_a_log_that_is_written_with_a_delay_is_waited_for(tmp_path: Path) -> None:
    def write(line: str) -> None:
        threading.Timer(1.0, _append, (tmp_path, line)).start()

    with logging_gateway(write) as origin, session_over(tmp_path, LOG, origin=origin) as session:
        surface = audited(session, campaign=lambda: _append(tmp_path, "200\n"))

    assert surface.controls[0].kind == "request"
    assert surface.behind == ""


def test_a_log_that_holds_the_first_requests_and_not_the_last_leaves_all_open(tmp_path: Path) -> None:
    def write(line: str) -> None:
        _append(tmp_path, line if "-first-" in line else "")

    with logging_gateway(write) as origin, session_over(tmp_path, LOG, origin=origin) as session:
        surface = audited(session)

    assert surface.behind == "nothing of the last 3 requests was found, though the first ones were"


def test_a_log_that_samples_requests_is_not_taken_for_one_that_is_late(tmp_path: Path) -> None:
    def write(line: str) -> None:
        _append(tmp_path, line if "-first-2" in line else "")

    with logging_gateway(write) as origin, session_over(tmp_path, LOG, origin=origin) as session:
        surface = audited(session)

    assert surface.behind == ""
    assert [control.kind for control in surface.controls] == ["value of this run"]


def _append(folder: Path, line: str) -> None:
    with (folder / "gateway.log").open("a") as log:
        log.write(line)


def _leave(folder: Path, line: str) -> None:
    (folder / "open").unlink()
    _append(folder, f"{line}\n")
