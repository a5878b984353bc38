"""Clients that leave: what the other side sees of it, and what is counted."""

import asyncio
import ssl
from collections.abc import Callable

import pytest

from conformance.probes.retention.arrivals import Arrivals
from conformance.probes.retention.leaving import Moment, leave
from conformance.probes.retention.letters import Letter, Writer
from conformance.probes.retention.paths import asked, paths
from conformance.probes.retention.sending import Lines, Sent
from conformance.session import Session
from conformance.target import Limits
from conformance.witness.canaries import Counted
from conformance.witness.server import Witness
from tests.probes import servers
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, listening

_LIMITS = Limits(requests=100, rate=1e5, timeout=2, connections=8)
_NOW = asyncio.Event()
_CHUNK = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def _letter(session: Session, name: str = "success") -> Letter:
    write = next(path.write for path in paths(session.target) if path.name == name)
    return write(Writer(session, name, url="/v1/chat/completions", model="m", key="sk-1"))


def _left(
    opened: Opened,
    script: Script,
    moment: Moment,
    *,
    reset: bool = False,
    tls: ssl.SSLContext | None = None,
    ended: asyncio.Event | None = None,
) -> Sent:
    """What the client has seen, once the server saw the end where it tells of it."""

    async def scene() -> Sent:
        witness = Witness(host="127.0.0.1", port=0, tls=None, canaries=Counted())
        scheme = "https" if tls else "http"
        async with witness, listening(script, tls) as port, opened(target(port, scheme, _LIMITS)) as session:
            arrivals = Arrivals(witness, session.mint.marker)
            letter = _letter(session, "left during the upload" if moment is Moment.UPLOADING else "success")
            arrivals.expect(atom for _, atom in letter.canaries)
            lines = Lines(session, ("127.0.0.1",))
            sent = await leave(session, lines, arrivals, letter, moment, reset=reset)
            await (ended or _NOW).wait()
            return sent

    _NOW.set()
    return run(scene)


def _streaming(events: int, ends: list[str], ended: asyncio.Event) -> Script:
    """A stream of so many events that does not end, and how the client left it."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await servers.request(reader)
        writer.write(_CHUNK)
        for _ in range(events):
            writer.write(b"a\r\ndata: {}\n\n\r\n")
        await writer.drain()
        try:
            ends.append("FIN" if await reader.read() == b"" else "bytes")
        except ConnectionResetError:
            ends.append("RST")
        ended.set()

    return script


@pytest.mark.parametrize(("reset", "end"), [(False, "FIN"), (True, "RST")])
@pytest.mark.parametrize("moment", [Moment.FIRST, Moment.MIDDLE, Moment.NEAR_END])
def test_a_stream_is_left_by_fin_and_by_rst(opened: Opened, moment: Moment, reset: bool, end: str) -> None:
    ends, ended = list[str](), asyncio.Event()

    sent = _left(opened, _streaming(8, ends, ended), moment, reset=reset, ended=ended)

    assert (sent.told, sent.left, sent.whole) == ("200, left", True, False)
    assert ends == [end]


def test_a_stream_is_left_under_tls_too(opened: Opened, tls: ssl.SSLContext) -> None:
    sent = _left(opened, _streaming(8, [], asyncio.Event()), Moment.MIDDLE, tls=tls)

    assert sent.left


def test_a_stream_that_was_over_before_it_could_be_left_was_not_left(opened: Opened) -> None:
    body = b"".join([b"data: {}\n\n"] * 3)

    sent = _left(opened, servers.answering(body), Moment.MIDDLE)

    assert (sent.told, sent.left, sent.whole) == ("200", False, True)


@pytest.mark.parametrize(
    ("script", "told"), [(servers.reset, "reset"), (servers.silence, "timeout")], ids=["reset", "silence"]
)
def test_who_is_not_answered_did_not_leave(opened: Opened, script: Script, told: str) -> None:
    sent = _left(opened, script, Moment.FIRST)

    assert (sent.told, sent.left) == (told, False)


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "tls"])
def test_half_an_upload_is_acknowledged_and_no_more_is_sent(
    opened: Opened, tls: ssl.SSLContext, secure: bool
) -> None:
    received, ended = list[tuple[int, int]](), asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.read(-1)
        received.append((servers.length_of(head), len(body)))
        ended.set()

    sent = _left(opened, script, Moment.UPLOADING, tls=tls if secure else None, ended=ended)

    assert (sent.told, sent.left) == ("left", True)
    [(announced, came)] = received
    assert came == announced // 2 > 16 * 2**10


def _forwarded(opened: Opened, before: Callable[[Witness], Script]) -> Sent:
    """A request to a gateway whose provider is a witness, left when it is there."""

    async def scene() -> Sent:
        witness = Witness(host="127.0.0.1", port=0, tls=None, canaries=Counted())
        async with (
            witness,
            listening(before(witness)) as port,
            opened(target(port, limits=_LIMITS), witness=witness) as session,
        ):
            arrivals = Arrivals(witness, session.mint.marker)
            letter = asked(Writer(session, "success", url="/v1/chat/completions", model="m"))
            arrivals.expect(atom for _, atom in letter.canaries)
            lines = Lines(session, ("127.0.0.1",))
            return await leave(session, lines, arrivals, letter, Moment.WAITING, reset=False)

    return run(scene)


def test_an_answer_is_not_waited_for_once_the_provider_has_the_request(opened: Opened) -> None:
    def passing(witness: Witness) -> Script:
        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head, body = await servers.request(reader)
            _, onward = await asyncio.open_connection("127.0.0.1", witness.port)
            onward.write(head + body)
            await onward.drain()
            await reader.read()
            onward.close()
            await onward.wait_closed()

        return script

    sent = _forwarded(opened, passing)

    assert (sent.told, sent.left) == ("left", True)


def test_a_refusal_that_comes_first_is_seen(opened: Opened) -> None:
    sent = _forwarded(opened, lambda _: servers.answering(status="401 Unauthorized"))

    assert (sent.told, sent.left) == ("401", False)
