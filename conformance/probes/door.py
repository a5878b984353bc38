"""The door: every ordinary HTTP request of the suite to its target goes through here.

It pins addresses, caps sizes, keeps deadlines, counts against the limits and never raises for what the target does: what comes
back is an `Answer`, or a `NoAnswer` that says what happened instead.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec

from conformance.model.evidence import Record
from conformance.probes.identifiers import Identifiers
from conformance.probes.meter import Meter
from conformance.probes.overheard import Overheard
from conformance.target import Target

MAX_BODY = 4 * 2**20  # a hostile target may not fill our memory
_JSON = msgspec.json.Encoder(decimal_format="number")  # money travels as exact decimals, never as floats


class Answer(Record, frozen=True, kw_only=True):
    """What the target answered. `headers` keeps order, case and duplicates; `ms` is the time to the last byte."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    ms: int
    truncated: bool = False  # the body was longer than we read, or the stream broke after the head

    def header(self, name: str) -> str | None:
        """The first value of a header, by case-insensitive name."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        """The body as JSON with exact decimals, or None where it is not JSON."""
        try:
            return _EXACT.decode(self.body) if self.body else None
        except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError):
            return None  # not JSON, or JSON made to break its reader: absurd exponents, endless nesting


class NoAnswer(Record, frozen=True, kw_only=True):
    """There was no answer: what happened, in closed words and in the network's own."""

    kind: Literal["refused", "unreachable", "timeout", "reset", "tls", "garbage"]
    detail: str
    ms: int
    sent: bool = (
        True  # False: it broke off before the request could leave, so that it cannot have done anything
    )


_EXACT = msgspec.json.Decoder(float_hook=Decimal)
Reply = Answer | NoAnswer


class Door:
    """A client for one target, with connections kept open between requests."""

    def __init__(
        self,
        target: Target,
        trust: ssl.SSLContext,
        meter: Meter,
        agent: str = "gateproof",
        source: str | None = None,
    ) -> None:
        """`trust` verifies the target's certificate; `meter` admits each request; `agent` is the user agent we name; `source`
        is an address of this machine to come from, where any will not do.
        """
        self._target = target
        self._meter = meter
        self.identifiers = Identifiers()
        self.overheard = Overheard()
        hosts = dict.fromkeys(_host(url) for url in (target.origin(), target.key_api_url()))
        # One for each name: names that are pinned to the same address would share connections, and what was verified as
        # the content API would be handed the admin credential.
        self._clients = {
            host: _client(target, trust, agent, max(1, target.limits.connections // len(hosts)), source)
            for host in hosts
        }

    async def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            await client.aclose()

    def auth(self, key: str) -> dict[str, str]:
        """The headers that present an ordinary key."""
        auth = self._target.gateway.auth
        return {auth.header: auth.value.replace("{key}", key)}

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        money: int = 0,
        deadline: float | None = None,
    ) -> Reply:
        """Send one request and read its answer. `url` is the content API's or the key API's; a path is the content API's.

        `money` is the worst case in picodollars; `deadline` seconds bound the whole exchange. Raises only `LimitReached`.
        """
        began = asyncio.get_running_loop().time()
        try:
            async with self.stream(
                method, url, headers=headers, json=json, content=content, money=money, deadline=deadline
            ) as opened:
                if isinstance(opened, NoAnswer):
                    return opened
                answer = await _read_all(opened, began)
                self.identifiers.note(answer.headers)
                self.overheard.note(answer.status, answer.headers, answer.body)
                return answer
        except _TROUBLE as trouble:
            return _no_answer(trouble, began)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        money: int = 0,
        deadline: float | None = None,
    ) -> AsyncIterator[httpx.Response | NoAnswer]:
        """Open an exchange and hand over the response while its body is still to come.

        Leaving the block early closes the connection: that is how a client's abort is made.
        """
        await self._meter.admit(money=money)
        loop = asyncio.get_running_loop()
        began = loop.time()
        body = _JSON.encode(json) if json is not None else content
        full = self._target.origin() + url if url.startswith("/") else url
        client = self._clients[_host(full)]
        request = self._build(client, method, full, dict(headers or {}), body, is_json=json is not None)
        async with asyncio.timeout(deadline or self._target.limits.timeout):
            try:
                response = await client.send(request, stream=True)
            except _TROUBLE as trouble:
                yield _no_answer(trouble, began)
                return
            try:
                yield response
            finally:
                await response.aclose()

    def _build(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        is_json: bool,
    ) -> httpx.Request:
        if is_json:
            headers.setdefault("content-type", "application/json")
        host = _host(url)
        addresses = self._target.gateway.resolve.get(host, ())
        request = client.build_request(method, url, headers=headers, content=body)
        if addresses:
            # The Host header was set from the name; only the connection goes to the pinned address.
            request.url = request.url.copy_with(host=addresses[0])
            request.extensions["sni_hostname"] = host
        return request


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _client(
    target: Target, trust: ssl.SSLContext, agent: str, connections: int, source: str | None
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(
            verify=trust,
            trust_env=False,
            limits=httpx.Limits(max_connections=connections),
            local_address=source,
        ),
        trust_env=False,
        follow_redirects=False,
        # Connecting ends before the deadline of the whole exchange: httpx then closes what it opened, where a
        # cancellation in the middle of a TLS handshake would leave the socket open.
        timeout=httpx.Timeout(target.limits.timeout, connect=0.9 * target.limits.timeout),
        # What is compressed cannot be searched for a secret, nor read by `Answer.json`.
        headers={"user-agent": agent, "accept-encoding": "identity"},
    )


# Trouble before the connection, its TLS included, was made.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# How OpenSSL asks for more bytes: it stands in the context of whatever happened while they were waited for.
_WAITING = (ssl.SSLWantReadError, ssl.SSLWantWriteError)
# What OpenSSL calls bytes that are not TLS.
_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST"}
_TROUBLE = (httpx.TransportError, httpx.InvalidURL, httpx.DecodingError, TimeoutError, OSError, ssl.SSLError)


async def _read_all(response: httpx.Response, began: float) -> Answer:
    body = bytearray()
    truncated = False
    try:
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_BODY:
                truncated = True
                break
    except _TROUBLE:
        truncated = True
    return Answer(
        status=response.status_code,
        headers=tuple((k.decode("latin-1"), v.decode("latin-1")) for k, v in response.headers.raw),
        body=bytes(body[:MAX_BODY]),
        ms=_ms_since(began),
        truncated=truncated,
    )


def _no_answer(trouble: BaseException, began: float) -> NoAnswer:
    return NoAnswer(
        kind=_kind(trouble),
        detail=f"{type(trouble).__name__}: {trouble}"[:300],
        ms=_ms_since(began),
        sent=not isinstance(trouble, _UNSENT),
    )


def _kind(
    trouble: BaseException,
) -> Literal["refused", "unreachable", "timeout", "reset", "tls", "garbage"]:
    causes = tuple(_causes(trouble))
    handshake = next((c for c in causes if isinstance(c, ssl.SSLError) and not isinstance(c, _WAITING)), None)
    if handshake is not None:
        return _handshake_kind(handshake)
    if any(isinstance(c, ConnectionRefusedError) or "refused" in str(c).lower() for c in causes):
        return "refused"
    if any(isinstance(c, TimeoutError | httpx.TimeoutException) for c in causes):
        return "timeout"
    if isinstance(trouble, httpx.ConnectError):
        return "unreachable"
    if isinstance(trouble, httpx.RemoteProtocolError) and "disconnected" not in str(trouble):
        return "garbage"
    return "reset"


def _handshake_kind(trouble: ssl.SSLError) -> Literal["reset", "garbage", "tls"]:
    """A close in the middle or bytes that are not TLS say nothing of certificates and versions."""
    if isinstance(trouble, ssl.SSLEOFError | ssl.SSLZeroReturnError):  # by the release of Python
        return "reset"
    return "garbage" if trouble.reason in _NOT_TLS else "tls"


def _causes(trouble: BaseException | None) -> Iterator[BaseException]:
    while trouble is not None:
        yield trouble
        trouble = trouble.__cause__ or trouble.__context__


def _ms_since(began: float) -> int:
    return int((asyncio.get_running_loop().time() - began) * 1000)
