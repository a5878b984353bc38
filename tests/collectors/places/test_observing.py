"""The whole look: a process that stands for the gateway is watched, compared with what is declared, and searched."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.collectors.places.observing import places_in_use
from conformance.collectors.watching import watching
from conformance.model.discovery import PlacesInUse
from conformance.model.evidence import CannotObserve
from conformance.session import Session
from conformance.target import Surface, Target
from tests.collectors.auditing import session_over
from tests.collectors.places.puppet import Puppet, puppet
from tests.collectors.places.stage import target_of
from tests.twins.ground import free_port

_SECONDS = 60.0


def look(base: Path, target: Target, act: Callable[[Session], None]) -> PlacesInUse:
    """Watch while something happens, then compare."""

    async def run(session: Session) -> PlacesInUse:
        async with asyncio.timeout(_SECONDS), watching(session):
            await asyncio.to_thread(act, session)
            return await places_in_use(session)

    with session_over(base) as session:
        session.target = target
        return asyncio.run(run(session))


def test_content_in_an_undeclared_place_is_found_and_told_without_what_stands_around_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "state").mkdir()
    told = []

    def act(session: Session) -> None:
        atom = session.mint.atom("success", "user")
        told.append(atom)
        gateway.do(f"f = open('state/history', 'a'); f.write('a prompt with {atom} in it'); f.flush()")
        gateway.do(f"open('state/note on {atom}', 'w').close()")

    with puppet(tmp_path) as gateway:
        found = look(tmp_path, target_of(gateway.pid), act)
    assert {s.canary.field for s in found.sightings if s.canary} == {"user"}
    (history,) = [place for place in found.places if place.path.endswith("state/history")]
    assert (history.written, history.content, history.declared) == (True, True, "")
    assert any("whose name" in place.path and place.content for place in found.places)
    assert told[0] not in repr(found)
    assert "a prompt with" not in repr(found)
    assert found.seen() > 0


def test_a_gateway_that_keeps_to_what_is_declared_is_seen_to(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    witness = free_port()

    def act(session: Session) -> None:
        session.mint.atom("success", "user")
        gateway.do("f = open('state/a.log', 'a'); f.write('200 OK'); f.flush()")

    with puppet(tmp_path) as provider, puppet(tmp_path) as gateway:
        provider.do(f"import socket; s = socket.create_server(('127.0.0.1', {witness}))")
        gateway.do(f"import socket; c = socket.create_connection(('127.0.0.1', {witness}))")
        log = Surface(kind="files", locator="state/a.log")
        found = look(tmp_path, target_of(gateway.pid, surfaces=(log,), witness=witness), act)
    assert found.sightings == ()
    assert [place for place in found.places if place.written and not place.declared] == []
    assert [(peer.declared, bool(peer.who)) for peer in found.peers] == [("the witness", True)]
    assert found.sees()


def test_content_in_a_file_that_may_be_anybodys_is_the_gateways_doing(tmp_path: Path) -> None:
    def act(session: Session) -> None:
        atom = session.mint.atom("success", "user")
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "kept").write_text(atom)
        (tmp_path / "elsewhere" / "other").write_text("nothing of ours")

    with puppet(tmp_path) as gateway:
        found = look(tmp_path, target_of(gateway.pid), act)
    nearby = [place for place in found.places if "elsewhere" in place.path]
    assert [(Path(place.path).name, place.how, place.written) for place in nearby] == [
        ("kept", "a canary stands in it", True)
    ]
    assert found.changed_nearby >= 2


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (
            target_of(),
            "the target file names no processes, and the gateway's address is not this machine's loopback",
        ),
        (target_of(names=("no-such-gateway",)), "no process that is declared"),
        (target_of(url="https://localhost:1"), "no process that is declared, or that listens"),
    ],
)
def test_where_no_process_is_seen_it_is_said_why(tmp_path: Path, target: Target, reason: str) -> None:
    with pytest.raises(CannotObserve, match=reason):
        look(tmp_path, target, lambda _session: None)


def test_whoever_listens_but_never_calls_the_witness_is_not_taken_for_the_gateway(tmp_path: Path) -> None:
    port = free_port()

    def listening(tunnel: Puppet) -> None:
        tunnel.do(f"import socket; s = socket.create_server(('127.0.0.1', {port}))")

    with puppet(tmp_path) as tunnel:
        listening(tunnel)
        with pytest.raises(CannotObserve, match="never seen to talk to the witness"):
            look(
                tmp_path,
                target_of(url=f"https://localhost:{port}", witness=free_port()),
                lambda _session: None,
            )


def test_without_a_watch_nothing_is_concluded(tmp_path: Path) -> None:
    with session_over(tmp_path) as session, pytest.raises(CannotObserve, match="no content was sent"):
        asyncio.run(_unwatched(session))


async def _unwatched(session: Session) -> PlacesInUse:
    return await places_in_use(session)
