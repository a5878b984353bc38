"""Bytes that are HTTP in part, or in more than one way."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.reference_gateway.hostile.conftest import Attacked
from tests.reference_gateway.hostile.talking import CHAT, JSON, call, last_call, said
from tests.reference_gateway.raw_tls import request

HOST = b"host: localhost\r\n"
CLOSE = b"connection: close\r\n"
Bytes = Callable[[str], bytes]


def get(line: bytes = b"GET /v1/models HTTP/1.1", head: bytes = HOST + CLOSE) -> Bytes:
    return lambda _key: line + b"\r\n" + head + b"\r\n"


def chunked(body: bytes, head: str = "", coding: str = "chunked") -> Bytes:
    return lambda key: (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n{JSON}"
        f"transfer-encoding: {coding}\r\nconnection: close\r\n{head}\r\n".encode()
        + body
    )


def lengths(*values: str) -> Bytes:
    fields = "".join(f"content-length: {value}\r\n" for value in values)
    return lambda key: (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"connection: close\r\n{JSON}{fields}\r\n".encode()
        + CHAT
    )


WHOLE = b"%x\r\n%s\r\n" % (len(CHAT), CHAT)
MALFORMED: dict[str, Bytes] = {
    "a bare line feed after the request line": get(b"GET / HTTP/1.1\nhost: a\n", b""),
    "a bare line feed after a field": get(head=b"host: a\n"),
    "a bare carriage return in a field": get(head=HOST + b"x: a\rb\r\n"),
    "a folded field": get(head=HOST + b"x: a\r\n b\r\n"),
    "a field that begins with a space": get(head=b" x: a\r\n" + HOST),
    "a space before the colon": get(head=b"host : a\r\n"),
    "a field without a colon": get(head=HOST + b"nocolon\r\n"),
    "a field without a name": get(head=HOST + b": a\r\n"),
    "NUL in a field": get(head=HOST + b"x: a\0b\r\n"),
    "NUL in the target": get(b"GET /\0 HTTP/1.1"),
    "a control character in a name": get(head=HOST + b"x\x01: a\r\n"),
    "a byte above ASCII in the target": get(b"GET /\xff HTTP/1.1"),
    "a space in the target": get(b"GET /a b HTTP/1.1"),
    "no target": get(b"GET  HTTP/1.1"),
    "a target that is no path": get(b"GET models HTTP/1.1"),
    "a target with a fragment": get(b"GET /v1/models#a HTTP/1.1"),
    "an absolute target without a path": get(b"GET http://localhost HTTP/1.1"),
    "an unknown method": get(b"QUERYME / HTTP/1.1"),
    "a method in small letters": get(b"get / HTTP/1.1"),
    "CONNECT": get(b"CONNECT localhost:443 HTTP/1.1"),
    "no host": get(head=CLOSE),
    "two hosts": get(head=HOST + HOST + CLOSE),
    "HTTP/0.9": get(b"GET /v1/models", b""),
    "HTTP/0.9 with fields": get(b"GET /v1/models"),
    "HTTP/1.2": get(b"GET / HTTP/1.2"),
    "HTTP/2.0": get(b"GET / HTTP/2.0"),
    "HTTP/11.1": get(b"GET / HTTP/11.1"),
    "the preface of HTTP/2": lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "a TLS record inside of TLS": lambda _: b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    "an SSH greeting": lambda _: b"SSH-2.0-OpenSSH_9.9\r\n",
    "two lengths that agree": lengths(str(len(CHAT)), str(len(CHAT))),
    "two lengths that differ": lengths(str(len(CHAT)), "1"),
    "two lengths in one field": lengths(f"{len(CHAT)},{len(CHAT)}"),
    "a negative length": lengths("-1"),
    "a length with a sign": lengths(f"+{len(CHAT)}"),
    "a length in hexadecimal": lengths("0x10"),
    "a length beyond 64 bits": lengths("18446744073709551616"),
    "a length of a thousand digits": lengths("9" * 1000),
    "an empty length": lengths(""),
    "a length in other digits": lengths("\u0665"),
    "chunks and a length": chunked(WHOLE + b"0\r\n\r\n", f"content-length: {len(CHAT)}\r\n"),
    "a coding that is not chunked": lambda key: call(key, b"", "transfer-encoding: gzip\r\n"),
    "a coding before chunked": chunked(WHOLE + b"0\r\n\r\n", coding="gzip, chunked"),
    "a coding in a field before chunked": chunked(
        WHOLE + b"0\r\n\r\n", "transfer-encoding: chunked\r\n", coding="gzip"
    ),
    "chunked twice in one field": chunked(WHOLE + b"0\r\n\r\n", coding="chunked, chunked"),
    "chunked twice": chunked(WHOLE + b"0\r\n\r\n", "transfer-encoding: chunked\r\n"),
    "chunked and then something else": chunked(WHOLE + b"0\r\n\r\n", "transfer-encoding: identity\r\n"),
    "a chunk without an end": chunked(WHOLE[:-2] + b"0\r\n\r\n"),
    "a chunk size beyond 64 bits": chunked(b"f" * 17 + b"\r\n"),
    "a negative chunk size": chunked(b"-1\r\na\r\n0\r\n\r\n"),
    "a chunk size with a prefix": chunked(b"0x1\r\na\r\n0\r\n\r\n"),
    "a chunk size after a space": chunked(b" 1\r\na\r\n0\r\n\r\n"),
    "a chunk without a size": chunked(b"\r\na\r\n0\r\n\r\n"),
    "chunks that end in line feeds": chunked(b"1\na\n0\n\n"),
    "a chunk that is longer than its size": chunked(b"1\r\nab\r\n0\r\n\r\n"),
    "a trailer that is malformed": chunked(WHOLE + b"0\r\nno colon\r\n\r\n"),
}


@pytest.mark.parametrize("case", MALFORMED)
@pytest.mark.parametrize("plane", ["content", "admin"])
def test_what_is_no_http_or_two_kinds_of_it_is_refused_once(patient: Attacked, case: str, plane: str) -> None:
    gateway = patient.gateway
    port = {"content": gateway.port, "admin": gateway.admin_port}[plane]

    (answer,) = said(replace(gateway, port=port), MALFORMED[case](patient.key))

    assert answer.status == 400
    assert answer.all("connection") == ["close"]


ODD: dict[str, tuple[int, Bytes]] = {
    "empty lines before a request": (401, lambda _: b"\r\n\r\n" + request("GET", "/v1/models")),
    "an absolute target": (401, get(b"GET https://elsewhere/v1/models HTTP/1.1")),
    "an absolute target with credentials": (401, get(b"GET https://a:b@elsewhere/v1/models HTTP/1.1")),
    "a target for everything": (404, get(b"OPTIONS * HTTP/1.1")),
    "two slashes": (404, get(b"GET //v1/models HTTP/1.1")),
    "a slash too many": (404, get(b"GET /v1/models/ HTTP/1.1")),
    "two dots": (404, get(b"GET /v1/keys/../models HTTP/1.1")),
    "encoded dots": (404, get(b"GET /v1/keys/%2e%2e/models HTTP/1.1")),
    "an encoded slash": (404, get(b"GET /v1%2fmodels HTTP/1.1")),
    "an encoded letter": (404, get(b"GET /v1/model%73 HTTP/1.1")),
    "an encoded NUL": (404, get(b"GET /v1/models%00 HTTP/1.1")),
    "a broken encoding": (404, get(b"GET /v1/models%zz HTTP/1.1")),
    "a semicolon": (404, get(b"GET /v1/models;a=b HTTP/1.1")),
    "a backslash": (404, get(b"GET /v1\\models HTTP/1.1")),
    "other letters": (404, get(b"GET /V1/MODELS HTTP/1.1")),
    "a query": (401, get(b"GET /v1/models?a=b&a=%00 HTTP/1.1")),
    "two question marks": (401, get(b"GET /v1/models??x=/../y HTTP/1.1")),
    "another protocol": (404, get(b"GET / RTSP/1.0")),
    "CONNECT to a path": (405, get(b"CONNECT /v1/models HTTP/1.1")),
    "TRACE": (405, get(b"TRACE /v1/models HTTP/1.1")),
    "PROPFIND": (405, get(b"PROPFIND /v1/models HTTP/1.1")),
    "a method of another protocol": (405, get(b"SOURCE /v1/models HTTP/1.1")),
    "HTTP/1.0 without a host": (401, get(b"GET /v1/models HTTP/1.0", b"")),
    "HTTP/1.0 that would stay": (401, get(b"GET /v1/models HTTP/1.0", b"connection: keep-alive\r\n")),
    "a head with a body": (401, lambda _: request("GET", "/v1/models", "", b"{}")),
    "a web socket": (
        401,
        get(head=HOST + b"connection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-key: a\r\n"),
    ),
    "a web socket that would stay": (401, get(head=HOST + b"connection: upgrade\r\nupgrade: websocket\r\n")),
    "HTTP/2 in clear": (401, get(head=HOST + b"connection: upgrade\r\nupgrade: h2c\r\n")),
    "a chunk extension": (200, chunked(b"%x;a=b\r\n%s\r\n0;c\r\n\r\n" % (len(CHAT), CHAT))),
    "leading zeros of a chunk size": (200, chunked(b"0000" + WHOLE + b"000\r\n\r\n")),
    "a chunk for every byte": (200, chunked(b"".join(b"1\r\n%c\r\n" % b for b in CHAT) + b"0\r\n\r\n")),
    "a chunk that is too large": (413, chunked(b"fffffffffffffff\r\n" + b" " * 2_000_000)),
    "a length that is too large": (413, lambda key: last_call(key, b" " * 2_000_000)),
    "a large length without a body": (413, lengths("18446744073709551615")),
    "a thousand fields": (431, get(head=HOST + b"x: y\r\n" * 1000)),
    "fields without end": (431, get(head=HOST + b"x: y\r\n" * 50_000)),
    "a field of 200 kB": (431, get(head=HOST + b"x: " + b"y" * 200_000 + b"\r\n")),
    "a name of 200 kB": (431, get(head=HOST + b"x" * 200_000 + b": y\r\n")),
    "a target of 200 kB": (431, get(b"GET /" + b"x" * 200_000 + b" HTTP/1.1")),
    "a method of 200 kB": (400, get(b"G" * 200_000 + b" / HTTP/1.1")),
    "a trailer of 200 kB": (431, chunked(WHOLE + b"0\r\nx: " + b"y" * 200_000 + b"\r\n\r\n")),
    "a thousand trailers": (431, chunked(WHOLE + b"0\r\n" + b"x: y\r\n" * 1000 + b"\r\n")),
}


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_is_answered_once(patient: Attacked, case: str) -> None:
    status, make = ODD[case]

    assert [answer.status for answer in said(patient.gateway, make(patient.key))] == [status]
