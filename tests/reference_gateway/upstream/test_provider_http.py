"""Requests to providers as they leave, the connections that carry them, and the answers that come back."""

import ssl
from dataclasses import replace

import pytest

from reference_gateway.config_file import Offer
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.upstream import CutError, Outbound
from tests.reference_gateway.upstream.certificates import Authority
from tests.reference_gateway.upstream.playing import (
    KEY,
    Direct,
    asked,
    outbound,
    play,
    provider_at,
    upstream_to,
)
from tests.reference_gateway.upstream.provider import Talk, providing
from tests.reference_gateway.upstream.stage import OK, answering, steady, told

# --- what leaves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offer", Offer)
def test_a_provider_is_told_what_it_needs_and_nothing_of_the_caller(
    authority: Authority, good: ssl.SSLContext, offer: Offer
) -> None:
    async def scene() -> tuple[int, bytes]:
        async with providing(steady, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            await asked(upstream, outbound(provider, b'{"a":1}', offer))
            await upstream.close()
            return heard.port, heard.heard

    port, request = play(scene())
    assert told(request) == (
        f"POST /v1/{offer.value} HTTP/1.1",
        {
            "host": f"127.0.0.1:{port}",
            "content-length": "7",
            "authorization": f"Bearer {KEY}",
            "content-type": "application/json",
            "accept": "application/json",
            "accept-encoding": "identity",
        },
        b'{"a":1}',
    )


def test_what_was_sent_is_let_go_of_while_its_answer_comes(
    authority: Authority, good: ssl.SSLContext
) -> None:
    async def scene() -> tuple[int, int]:
        async with providing(steady, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            request = outbound(provider, b"a prompt")
            async with upstream.send(request) as answer:
                left = len(request.body)
                async for _ in answer.pieces():
                    continue
            await upstream.close()
            return left, heard.heard.count(b"a prompt")

    assert play(scene()) == (0, 1)


def test_a_stream_is_asked_for_as_one(authority: Authority, good: ssl.SSLContext) -> None:
    async def scene() -> bytes:
        async with providing(steady, good) as heard:
            provider = provider_at(heard.port, authority.root, authentication="x-api-key")
            upstream = upstream_to(provider, Direct(heard.port))
            request = Outbound(provider=provider, offer=Offer.MESSAGES, body=Sealed(b"{}"), stream=True)
            await asked(upstream, request)
            await upstream.close()
            return heard.heard

    _, fields, _ = told(play(scene()))
    assert (fields["accept"], fields["x-api-key"]) == ("text/event-stream", KEY)
    assert "authorization" not in fields


@pytest.mark.parametrize(
    ("host", "indicated"),
    [
        ("127.0.0.1", None),  # RFC 6066, 3: addresses are not server names
        ("localhost", "localhost"),
        ("[::1]", None),
    ],
)
def test_a_provider_is_spoken_to_by_the_name_in_its_url(
    authority: Authority, host: str, indicated: str | None
) -> None:
    context, names = authority.issue(), []
    context.sni_callback = lambda _tls, name, _context: names.append(name)

    async def scene() -> tuple[int, bytes]:
        async with providing(steady, context) as heard:
            provider = provider_at(heard.port, authority.root, host)
            upstream = upstream_to(provider, Direct(heard.port))
            await asked(upstream, outbound(provider))
            await upstream.close()
            return heard.port, heard.heard

    port, request = play(scene())
    assert told(request)[1]["host"] == f"{host}:{port}"
    assert names == [indicated]


@pytest.mark.parametrize(
    ("path", "asked_for"),
    [
        ("", "/chat/completions"),
        ("/a/b%20c/v2", "/a/b%20c/v2/chat/completions"),
        ("/v1;x", "/v1;x/chat/completions"),
    ],
)
def test_the_path_of_a_url_comes_first(
    authority: Authority, good: ssl.SSLContext, path: str, asked_for: str
) -> None:
    async def scene() -> bytes:
        async with providing(steady, good) as heard:
            url = f"https://127.0.0.1:{heard.port}{path}"
            provider = replace(provider_at(heard.port, authority.root), base_url=url)
            upstream = upstream_to(provider, Direct(heard.port))
            await asked(upstream, outbound(provider))
            await upstream.close()
            return heard.heard

    assert told(play(scene()))[0] == f"POST {asked_for} HTTP/1.1"


def test_what_a_provider_wants_remembered_is_not(authority: Authority, good: ssl.SSLContext) -> None:
    async def baking(talk: Talk) -> None:
        while True:
            await talk.request()
            talk.write(OK + b"set-cookie: a=b\r\nalt-svc: h3\r\ncontent-length: 5\r\n\r\nhello")

    async def scene() -> list[bytes]:
        async with providing(baking, good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            for _ in range(2):
                await asked(upstream, outbound(provider))
            await upstream.close()
            return heard.heard.split(b"POST")

    _, first, second = play(scene())
    assert first == second


# --- answers -----------------------------------------------------------------------------------------------


def test_a_compressed_answer_is_a_cut(authority: Authority, good: ssl.SSLContext) -> None:
    answer = OK + b"content-encoding: gzip\r\ncontent-length: 5\r\n\r\nhello"

    async def scene() -> bool:
        async with providing(answering(answer), good) as heard:
            provider = provider_at(heard.port, authority.root)
            with pytest.raises(CutError) as failure:
                await asked(upstream_to(provider, Direct(heard.port)), outbound(provider))
            return failure.value.timed_out

    assert play(scene()) is False


def test_a_compressed_refusal_is_a_refusal_without_words(authority: Authority, good: ssl.SSLContext) -> None:
    """It is complete, and so it proves that nothing is billed; but its words cannot be shown."""
    answer = (
        b"HTTP/1.1 400 No\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\n"
        b"content-length: 5\r\n\r\nhello"
    )

    async def scene() -> tuple[int, str]:
        async with providing(answering(answer), good) as heard:
            provider = provider_at(heard.port, authority.root)
            upstream = upstream_to(provider, Direct(heard.port))
            async with upstream.send(outbound(provider)) as got:
                seen = got.status, got.media
                async for _ in got.pieces():
                    continue
            await upstream.close()
            return seen

    assert play(scene()) == (400, "")


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_never_followed(
    authority: Authority, good: ssl.SSLContext, scheme: str, status: int
) -> None:
    async def scene() -> tuple[tuple[int, bytes], int, int]:
        async with providing(steady, good) as elsewhere:
            place = f"{scheme}://127.0.0.1:{elsewhere.port}/v1/chat/completions"
            answer = f"HTTP/1.1 {status} Moved\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n".encode()
            async with providing(answering(answer), good) as heard:
                provider, dialer = provider_at(heard.port, authority.root), Direct(heard.port)
                upstream = upstream_to(provider, dialer)
                got = await asked(upstream, outbound(provider))
                await upstream.close()
            return got, dialer.dialled, len(elsewhere.talks)

    assert play(scene()) == ((status, b""), 1, 0)
