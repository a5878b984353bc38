"""T4 on the gateway's own leg: no byte of HTTP to a provider that is not proven to be itself, over TLS 1.3."""

import ssl
from pathlib import Path

import pytest

from reference_gateway.content.upstream import NothingSentError
from tests.reference_gateway.upstream.certificates import NOW, PAST, Authority
from tests.reference_gateway.upstream.playing import (
    Direct,
    answered,
    asked,
    outbound,
    play,
    provider_at,
    upstream_to,
)
from tests.reference_gateway.upstream.provider import Talk, providing
from tests.reference_gateway.upstream.stage import HELLO, OK, steady

V1, V1_1, V1_2, V1_3 = (
    ssl.TLSVersion.TLSv1,
    ssl.TLSVersion.TLSv1_1,
    ssl.TLSVersion.TLSv1_2,
    ssl.TLSVersion.TLSv1_3,
)


def heard_by(
    served: ssl.SSLContext, root: Path, minimum_tls: str, trust: ssl.SSLContext | None = None
) -> tuple[bool, bytes]:
    """Whether a request was answered, and what the provider got; `trust` in place of the gateway's."""

    async def scene() -> tuple[bool, bytes]:
        async with providing(steady, served) as heard:
            provider = provider_at(heard.port, root, minimum_tls=minimum_tls)
            upstream = upstream_to(provider, Direct(heard.port), trust)
            well = await answered(upstream, outbound(provider, b"a prompt"))
            await upstream.close()
            return well, heard.heard

    return play(scene())


TALKED_TO = (True, b"a prompt")
REFUSED = (False, b"", True)


def talk(served: ssl.SSLContext, root: Path, minimum_tls: str = "1.3") -> tuple[bool, bytes]:
    """Whether a request was answered, and the end of what the provider got."""
    well, heard = heard_by(served, root, minimum_tls)
    return well, heard[-len(b"a prompt") :]


def refusal(served: ssl.SSLContext, root: Path, minimum_tls: str = "1.3") -> tuple[bool, bytes, bool]:
    """The same, with all that the provider got, and the control: whether it answers a client that takes anything."""
    return *heard_by(served, root, minimum_tls), heard_by(served, root, minimum_tls, Authority.careless())[0]


def test_a_good_provider_is_talked_to(authority: Authority, good: ssl.SSLContext) -> None:
    assert talk(good, authority.root) == TALKED_TO


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    assert refusal(authority.issue(period=PAST), authority.root) == REFUSED


@pytest.mark.parametrize("names", [("example.org",), ("127.0.0.2",), ("localhost", "::1"), ()])
def test_a_certificate_for_somebody_else_is_refused(authority: Authority, names: tuple[str, ...]) -> None:
    assert refusal(authority.issue(names), authority.root) == REFUSED


def test_a_self_signed_certificate_is_refused(authority: Authority) -> None:
    assert refusal(authority.issue(period=NOW, self_signed=True), authority.root) == REFUSED


def test_a_certificate_of_another_authority_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path)

    assert talk(other.issue(), other.root) == TALKED_TO
    assert refusal(other.issue(), authority.root) == REFUSED


@pytest.mark.parametrize(
    ("newest", "minimum_tls"), [(V1, "1.3"), (V1_1, "1.3"), (V1_2, "1.3"), (V1, "1.2"), (V1_1, "1.2")]
)
def test_older_tls_than_configured_is_refused(
    authority: Authority, newest: ssl.TLSVersion, minimum_tls: str
) -> None:
    assert refusal(authority.speaking(newest), authority.root, minimum_tls) == REFUSED


@pytest.mark.parametrize(("newest", "minimum_tls"), [(V1_3, "1.3"), (V1_2, "1.2"), (V1_3, "1.2")])
def test_tls_as_new_as_configured_is_spoken(
    authority: Authority, newest: ssl.TLSVersion, minimum_tls: str
) -> None:
    assert talk(authority.speaking(newest), authority.root, minimum_tls) == TALKED_TO


def test_a_provider_without_tls_gets_no_http(authority: Authority) -> None:
    async def plain(talk: Talk) -> None:
        await talk.read()
        talk.raw(
            b"HTTP/1.1 400 The plain HTTP request was sent to an HTTPS port\r\ncontent-length: 0\r\n\r\n"
        )
        await talk.read()

    async def scene() -> bytes:
        async with providing(plain, None) as heard:
            provider = provider_at(heard.port, authority.root)
            with pytest.raises(NothingSentError):
                await asked(upstream_to(provider, Direct(heard.port)), outbound(provider, b"a prompt"))
            return heard.heard

    heard = play(scene())
    assert heard.startswith(b"\x16\x03\x01")  # a ClientHello
    assert b"POST" not in heard
    assert b"a prompt" not in heard


def test_a_certificate_that_turned_bad_is_refused_on_the_next_connection(
    authority: Authority, good: ssl.SSLContext, tmp_path: Path
) -> None:
    contexts = [good, authority.issue(period=PAST), Authority(tmp_path).issue(), good]

    async def once(talk: Talk) -> None:
        await talk.request()
        talk.write(OK + b"connection: close\r\n" + HELLO.removeprefix(OK))

    async def scene() -> list[tuple[bool, bool]]:
        seen = []
        provider, dialer = provider_at(1, authority.root), Direct(1)
        upstream = upstream_to(provider, dialer)
        for context in contexts:
            async with providing(once, context) as heard:
                dialer.address = ("127.0.0.1", heard.port)
                seen.append((await answered(upstream, outbound(provider)), bool(heard.heard)))
        return seen

    assert play(scene()) == [(True, True), (False, False), (False, False), (True, True)]
