"""HTTP/1.1 on a bare socket: requests that no client library would write, and answers with every header as
it came.

The reader is a pure function over bytes; what is not HTTP/1 makes no answer, and sizes are bounded by the
caller's socket.
"""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\Z")
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CONTINUE = (b"HTTP/1.1 100", b"HTTP/1.0 100")
_MOST = 2**16
_AGENT = "gateproof"


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
    try:
        async with asyncio.timeout(wait):
            reader, writer = await asyncio.open_connection(address, port, ssl=trust, server_hostname=host)
            try:
                writer.write(sent)
                await _read(reader, received, head_only=head_only)
            finally:
                writer.transport.abort()
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
