"""The door: whatever the target does, an answer or a reason comes back, bounded in size and time."""

import asyncio
import ssl
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from conformance.probes.door import MAX_BODY, Answer, NoAnswer, Reply
from conformance.probes.meter import LimitReached
from conformance.target import Limits, Target
from tests.probes import servers
from tests.probes.conftest import LIMITS, Opened, run, target
from tests.probes.servers import Script, answering, listening, saying

OK = b"HTTP/1.1 200 OK\r\n"


def _ask(
    opened: Opened,
    script: Script,
    *,
    tls: ssl.SSLContext | None = None,
    make: Callable[[int], Target] | None = None,
    **more: Any,
) -> Reply:
    """What comes back from a server that plays a script."""

    async def scene() -> Reply:
        async with listening(script, tls) as port:
            the_target = make(port) if make else target(port, "https" if tls else "http")
            async with opened(the_target) as session:
                return await session.door.send("POST", "/v1/any", **({"json": {"a": 1}} | more))

    return run(scene)


def _kind(reply: Reply) -> str:
    return reply.kind if isinstance(reply, NoAnswer) else str(reply.status)


def test_an_answer_keeps_status_headers_and_body_as_they_came(opened: Opened) -> None:
    said = OK + b'X-Twice: 1\r\nx-twice: 2\r\nContent-Length: 7\r\n\r\n{"a":1}'
    reply = _ask(opened, saying(said))
    assert isinstance(reply, Answer)
    assert (reply.status, reply.body, reply.truncated) == (200, b'{"a":1}', False)
    assert reply.headers[:2] == (("X-Twice", "1"), ("x-twice", "2"))
    assert (reply.header("X-TWICE"), reply.header("none")) == ("1", None)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (servers.silence, "timeout"),
        (servers.slow_headers, "timeout"),
        (servers.slow_body, "timeout"),
        (servers.endless_headers, "garbage"),
        (servers.reset, "reset"),
        (servers.half_close, "reset"),
        (saying(), "reset"),
        (saying(b"SSH-2.0-OpenSSH_9.9\r\n"), "reset"),
        (saying(b"\x15\x03\x03\x00\x02\x02\x28"), "garbage"),
        (saying(b"HTTP/1.1 twohundred OK\r\n\r\n"), "garbage"),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), "garbage"),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"), "garbage"),
        (saying(b"\x00" * 100), "garbage"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_happens_instead_of_an_answer_is_said_in_closed_words(
    opened: Opened, script: Script, kind: str
) -> None:
    assert _kind(_ask(opened, script)) == kind


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (servers.silence, "timeout"),
        (servers.slow_body, "timeout"),
        (servers.reset, "reset"),
        (saying(), "reset"),
    ],
    ids=["silence", "slow body", "reset", "closed"],
)
def test_what_happens_after_a_handshake_is_no_matter_of_tls(
    opened: Opened, tls: ssl.SSLContext, script: Script, kind: str
) -> None:
    assert _kind(_ask(opened, script, tls=tls)) == kind


def test_an_endless_body_is_cut_and_marked(opened: Opened) -> None:
    reply = _ask(opened, servers.endless_body)
    assert isinstance(reply, Answer)
    assert len(reply.body) == MAX_BODY
    assert reply.truncated


@pytest.mark.parametrize(
    "said",
    [
        OK + b"content-length: 100\r\n\r\nabc",
        OK + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        OK + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\nnot a chunk\r\n",
    ],
    ids=["cut", "cut chunks", "broken chunks"],
)
def test_a_body_that_breaks_off_is_an_answer_that_is_not_whole(opened: Opened, said: bytes) -> None:
    reply = _ask(opened, saying(said))
    assert isinstance(reply, Answer)
    assert (reply.body, reply.truncated) == (b"abc", True)


def test_a_port_that_nobody_listens_on_refuses(opened: Opened) -> None:
    async def scene() -> Reply:
        async with listening(servers.silence) as port:
            pass
        async with opened(target(port)) as session:
            return await session.door.send("GET", "/")

    assert _kind(run(scene)) == "refused"


def test_a_name_without_an_address_is_unreachable(opened: Opened) -> None:
    async def scene() -> Reply:
        async with opened(target(1, base_urls=("http://no-such-host.invalid",))) as session:
            return await session.door.send("GET", "/")

    assert _kind(run(scene)) == "unreachable"


def test_a_certificate_that_nobody_trusts_is_a_matter_of_tls(
    opened: Opened, stranger: ssl.SSLContext
) -> None:
    reply = _ask(opened, answering(), tls=stranger)
    assert _kind(reply) == "tls"
    assert "certificate verify failed" in str(reply)


def test_a_certificate_for_another_name_is_a_matter_of_tls(opened: Opened, tls: ssl.SSLContext) -> None:
    def elsewhere(port: int) -> Target:
        return target(
            port, base_urls=(f"https://gateway.example:{port}",), resolve={"gateway.example": ("127.0.0.1",)}
        )

    assert _kind(_ask(opened, answering(), tls=tls, make=elsewhere)) == "tls"


def test_a_pinned_address_is_called_by_its_name(opened: Opened, tls: ssl.SSLContext) -> None:
    heard: list[tuple[bytes, bytes]] = []

    def pinned(port: int) -> Target:
        return target(port, base_urls=(f"https://localhost:{port}",), resolve={"localhost": ("127.0.0.1",)})

    reply = _ask(opened, saying(OK + b"content-length: 0\r\n\r\n", heard=heard), tls=tls, make=pinned)
    assert _kind(reply) == "200"
    assert b"host: localhost:" in heard[0][0].lower()


def test_names_at_one_address_share_no_connection(opened: Opened, tls: ssl.SSLContext) -> None:
    """The server is verified as the content API; that says nothing about the name to which the admin credential goes."""

    async def scene() -> tuple[Reply, Reply]:
        async with listening(answering(), tls) as port:
            the_target = target(
                port,
                base_urls=(f"https://localhost:{port}",),
                admin_url=f"https://admin.example:{port}",
                resolve={"localhost": ("127.0.0.1",), "admin.example": ("127.0.0.1",)},
            )
            async with opened(the_target) as session:
                content = await session.door.send("GET", "/")
                return content, await session.door.send("GET", f"https://admin.example:{port}/")

    content, admin = run(scene)
    assert (_kind(content), _kind(admin)) == ("200", "tls")
    assert "admin.example" in str(admin)


def test_clear_text_where_tls_is_expected_is_a_matter_of_tls(opened: Opened) -> None:
    reply = _ask(opened, saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), make=lambda port: target(port, "https"))
    assert _kind(reply) in {"tls", "timeout"}


def test_nothing_compressed_is_asked_for(opened: Opened) -> None:
    heard: list[tuple[bytes, bytes]] = []
    _ask(opened, saying(OK + b"content-length: 0\r\n\r\n", heard=heard))
    assert b"accept-encoding: identity\r\n" in heard[0][0].lower()


def test_redirects_are_answers_and_not_followed(opened: Opened) -> None:
    moved = answering(status="302 Found", head=b"location: http://127.0.0.1:1/\r\n")
    assert _kind(_ask(opened, moved)) == "302"


def test_money_leaves_as_exact_decimals(opened: Opened) -> None:
    heard: list[tuple[bytes, bytes]] = []
    _ask(opened, saying(OK + b"content-length: 0\r\n\r\n", heard=heard), json={"limit": Decimal("0.1")})
    assert heard[0][1] == b'{"limit":0.1}'


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"a": 0.1}', {"a": Decimal("0.1")}), (b"[]", []), (b"", None), (b"<html>", None), (b"\xff\xfe", None),
        (b'"\xff"', None), (b"[" * 100_000, None), (b"1e99999999999999999999", None), (b"1" * 5000, None),
    ],
)  # fmt: skip
def test_json_is_read_exactly_or_not_at_all(body: bytes, read: Any) -> None:
    assert Answer(status=200, headers=(), body=body, ms=0).json() == read


def test_a_request_beyond_the_limits_is_never_sent(opened: Opened) -> None:
    async def scene() -> None:
        async with listening(answering()) as port, opened(target(port, limits=Limits(requests=1))) as session:
            assert isinstance(await session.door.send("GET", "/"), Answer)
            with pytest.raises(LimitReached):
                await session.door.send("GET", "/")

    run(scene)


def test_a_deadline_of_its_own_bounds_the_whole_exchange(opened: Opened) -> None:
    patient = Limits(requests=9, rate=1e5, timeout=300)
    reply = _ask(opened, servers.slow_body, make=lambda port: target(port, limits=patient), deadline=0.1)
    assert _kind(reply) == "timeout"


def test_leaving_a_stream_early_closes_the_connection(opened: Opened) -> None:
    left = asyncio.Event()

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await servers.request(reader)
        writer.write(OK + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n")
        await reader.read()
        left.set()

    async def scene() -> None:
        async with listening(script) as port, opened(target(port)) as session:
            async with session.door.stream("GET", "/") as response:
                assert not isinstance(response, NoAnswer)
                async for chunk in response.aiter_raw():
                    assert chunk == b"a"
                    break
            await left.wait()

    run(scene)


def test_answers_leave_their_identifiers(opened: Opened) -> None:
    numbers = iter(range(100))

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await servers.request(reader)
            writer.write(OK + f"x-id: request-{next(numbers):08d}\r\ncontent-length: 0\r\n\r\n".encode())

    async def scene() -> tuple[str, ...]:
        async with listening(script) as port, opened(target(port)) as session:
            for _ in range(5):
                await session.door.send("GET", "/")
            return session.door.identifiers.found()

    assert "request-00000003" in run(scene)


def test_a_key_is_presented_as_declared(opened: Opened) -> None:
    async def scene() -> dict[str, str]:
        async with opened(target(1)) as session:
            return session.door.auth("k")

    assert run(scene) == {"Authorization": "Bearer k"}
    assert LIMITS.timeout < 1, "tests wait for timeouts"
