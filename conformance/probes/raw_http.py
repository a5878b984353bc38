"""HTTP/1.1 on a bare socket: requests that no client library would write, and answers with every header as
it came.

The reader is a pure function over bytes; what is not HTTP/1 makes no answer, and sizes are bounded by the
caller's socket.
"""

import asyncio
import re
import ssl
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\Z")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CONTINUE = (b"HTTP/1.1 100", b"HTTP/1.0 100")
_MOST = 2**16
_AGENT = "gateproof"
_CLOSE, _KEEP = b"Connection: close", b"Connection: keep-alive"
_IDLE = 2.0  # seconds: a server that keeps a connection open answers on it as fast as on any


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One answer. `body` is what arrived of it; `whole` says that its framing shows the end."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    whole: bool

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order, by case-insensitive name."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a TLS exchange brought: an answer, or none and why. `closed`: the server ended it without an
    answer.
    """

    answer: RawAnswer | None
    closed: bool = False
    trouble: str = ""


def request(
    method: str, url: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> bytes:
    """A request below a base URL, with `Connection: close`. A header given here replaces ours of the same
    name.
    """
    parts = urlsplit(url)
    ours = {"Host": parts.netloc, "User-Agent": _AGENT, "Accept": "*/*", "Connection": "close"}
    if body is not None:
        ours |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    ours |= dict(headers or {})
    lines = [f"{method} {parts.path.rstrip('/')}{path} HTTP/1.1", *(f"{k}: {v}" for k, v in ours.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def read_answer(data: bytes) -> RawAnswer | None:
    """The final answer in these bytes, or None while its head is not there or is not HTTP/1. Skips 1xx but
    101.
    """
    while True:
        end = _HEAD_END.search(data)
        if end is None:
            return None
        lines = data[: end.start()].splitlines()
        status = _STATUS.match(lines[0]) if lines else None
        if status is None:
            return None
        rest = data[end.end() :]
        code = int(status[1])
        if code >= 200 or code == 101:
            return _framed(code, _headers(lines[1:]), rest)
        data = rest


def looks_like_http(data: bytes) -> bool:
    """Whether bytes begin as an HTTP/1 answer does."""
    return data.startswith(b"HTTP/1.")


def json_shape(body: bytes) -> tuple[str, ...]:
    """The paths of a JSON object's members, sorted, four levels deep; empty where the body is no JSON object
    or list.
    """
    try:
        document = msgspec.json.decode(body) if body.strip() else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return tuple(sorted(set(_paths(document, "", 4))))[:100]


async def speak_in_turn(
    address: str, port: int, *, host: str, trust: ssl.SSLContext, requests: Sequence[bytes], wait: float
) -> list[Spoken]:
    """Send requests over verified TLS one after another, each after the answer before it, over as few connections as the
    server allows. Where one was not answered in time, those after it are not sent. Never raises for the peer.
    """
    line = _Line(address, port, host, trust)
    spoken: list[Spoken] = []
    try:
        for sent in requests:
            if spoken and spoken[-1].answer is None and not spoken[-1].closed:
                spoken.append(Spoken(None, trouble=spoken[-1].trouble))
                continue
            kept_open = line.is_open()
            told = await line.exchange(
                sent.replace(_CLOSE, _KEEP, 1), min(wait, _IDLE) if kept_open else wait
            )
            if kept_open and told.answer is None:  # it was not as open as it seemed
                line.close()
                line.reuses = line.reuses and told.closed
                told = await line.exchange(sent.replace(_CLOSE, _KEEP, 1), wait)
            spoken.append(told)
            line.rest(told.answer)
    finally:
        line.close()
    return spoken


class _Line:
    """A connection that is opened when it is needed and kept while that is allowed."""

    def __init__(self, address: str, port: int, host: str, trust: ssl.SSLContext) -> None:
        self.reuses = True
        self._to = (address, port, host, trust)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def is_open(self) -> bool:
        return self._streams is not None

    async def exchange(self, sent: bytes, wait: float) -> Spoken:
        """One request and its answer."""
        received = bytearray()
        address, port, host, trust = self._to

        async def conversation() -> None:
            if self._streams is None:
                self._streams = await asyncio.open_connection(address, port, ssl=trust, server_hostname=host)
            reader, writer = self._streams
            writer.write(sent)
            await _read(reader, received, head_only=False)

        return await _spoken(conversation(), received, wait)

    def rest(self, answer: RawAnswer | None) -> None:
        """After an answer: keep the connection where its end was plain and nobody said that it is the last."""
        last = answer is None or any("close" in value.lower() for value in answer.values("connection"))
        if last or not self.reuses or answer is None or not answer.whole:
            self.close()

    def close(self) -> None:
        """End the connection, if there is one."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def speak_tls(
    address: str,
    port: int,
    *,
    host: str,
    trust: ssl.SSLContext,
    sent: bytes,
    wait: float,
    head_only: bool = False,
) -> Spoken:
    """Send bytes over verified TLS and read one answer within `wait` seconds, or its head only. Never raises
    for the peer.
    """
    received = bytearray()

    async def conversation() -> None:
        reader, writer = await asyncio.open_connection(address, port, ssl=trust, server_hostname=host)
        try:
            writer.write(sent)
            await _read(reader, received, head_only=head_only)
        finally:
            writer.transport.abort()

    return await _spoken(conversation(), received, wait)


async def _spoken(conversation: Coroutine[None, None, None], received: bytearray, wait: float) -> Spoken:
    """What a conversation brought, however it ended."""
    try:
        async with asyncio.timeout(wait):
            await conversation
    except ssl.SSLCertVerificationError as trouble:
        return Spoken(None, trouble=f"certificate not verified: {trouble.verify_message}")
    except TimeoutError:
        return Spoken(read_answer(bytes(received)), trouble=f"no answer within {wait:g} s")
    except (ConnectionResetError, BrokenPipeError, ssl.SSLError):
        return Spoken(read_answer(bytes(received)), closed=True, trouble="closed without an answer")
    except OSError as trouble:
        return Spoken(None, trouble=f"not reached: {trouble.strerror or type(trouble).__name__}")
    answer = read_answer(bytes(received))
    return Spoken(answer, closed=answer is None and not received, trouble="" if answer else _unread(received))


async def _read(reader: asyncio.StreamReader, received: bytearray, *, head_only: bool) -> None:
    while len(received) < _MOST:
        chunk = await reader.read(_MOST)
        received += chunk
        answer = read_answer(bytes(received))
        if not chunk or (answer is not None and (answer.whole or head_only)):
            return
        if head_only and received.startswith(_CONTINUE):
            return  # it asks for a body that we announced and never send


def _unread(received: bytearray) -> str:
    return "it sent no final answer of HTTP/1" if received else "closed without an answer"


def _headers(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return tuple((name.strip(), value.strip(" \t")) for name, _, value in pairs)


def _framed(status: int, headers: tuple[tuple[str, str], ...], rest: bytes) -> RawAnswer:
    found = {name.lower(): value for name, value in headers}
    if status in {101, 204, 304}:
        return RawAnswer(status, headers, b"", whole=True)
    if "chunked" in found.get("transfer-encoding", "").lower():
        return RawAnswer(status, headers, *_unchunked(rest))
    length = found.get("content-length", "")
    if re.fullmatch(r"[0-9]{1,12}", length):
        return RawAnswer(status, headers, rest[: int(length)], whole=len(rest) >= int(length))
    return RawAnswer(status, headers, rest, whole=False)


def _unchunked(rest: bytes) -> tuple[bytes, bool]:
    """Body and whether its last chunk is there (RFC 9112, 7.1)."""
    body = bytearray()
    while match := re.match(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n", rest):
        size = int(match[1], 16)
        if size == 0:
            return bytes(body), True
        body += rest[match.end() : match.end() + size]
        rest = rest[match.end() + size + 2 :]
    return bytes(body), False


def _paths(value: Any, at: str, depth: int) -> list[str]:
    if depth == 0 or not isinstance(value, dict | list):
        return [at] if at else []
    items = value.items() if isinstance(value, dict) else (("[]", item) for item in value[:3])
    inner = [path for key, item in items for path in _paths(item, f"{at}/{key}"[:200], depth - 1)]
    return inner or [at or "/"]
