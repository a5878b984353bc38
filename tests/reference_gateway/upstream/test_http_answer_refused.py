"""What is taken for no answer, and how much of it is read at most."""

from collections.abc import Iterable

import pytest

from tests.reference_gateway.upstream.answer_bytes import (
    CHUNKED,
    ENOUGH,
    HEAD,
    RECORD,
    SIZED,
    byte_by_byte,
    read,
    refused,
)


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 5\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
        HEAD + b"content-length: 5, 5\r\n\r\n",
        HEAD + b"content-length: +5\r\n\r\n",
        HEAD + b"content-length: -5\r\n\r\n",
        HEAD + b"content-length: 0x5\r\n\r\n",
        HEAD + b"content-length: 99999999999999999999999\r\n\r\n",
        HEAD + b"content-length: \r\n\r\nhello",
        HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n",
        HEAD + b"transfer-encoding: gzip\r\n\r\n",
        HEAD + b"transfer-encoding: identity\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
        HEAD + b"content-length : 5\r\n\r\nhello",
        HEAD + b"x: a\r\n b\r\n\r\n",
        HEAD + b"transfer-encoding:\r\n chunked\r\n\r\n",
        HEAD + b": 5\r\n\r\n",
        HEAD + b"x: a\rb\r\n\r\n",
        HEAD + b"x: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\ncontent-length: 5\n\nhello",
        CHUNKED + b"0x5\r\nhello\r\n",
        CHUNKED + b"-5\r\nhello\r\n",
        CHUNKED + b"fffffffffffffffff\r\nhello\r\n",
        CHUNKED + b"5\nhello\n",
        CHUNKED + b"5\r\nhello0\r\n\r\n",
        CHUNKED + b"5\r\nhello!\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        b"HTTP/1.1 199 X\r\ncontent-length: 5\r\n\r\nhello" + SIZED,
        b"HTTP/1.1 100 Continue\r\ncontent-length: 5\r\n\r\nhello" + SIZED,
        b"HTTP/1.1 099 X\r\n\r\n",
        b"HTTP/1.1 1000 X\r\n\r\n",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/1.2 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0",
        b"220 mail.example ESMTP\r\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_however_it_was_cut(data: bytes) -> None:
    refused([data])
    refused(byte_by_byte(data))


def records(start: bytes, repeated: bytes) -> Iterable[bytes]:
    """`start`, then the same again and again, in pieces as they come out of TLS."""
    many = repeated * (RECORD // len(repeated))
    yield start
    yield from [many] * (2 * ENOUGH // len(many))


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        (HEAD, b"x: y\r\n"),
        (HEAD, b"x" * 1000),
        (HEAD + b"x: ", b"y" * 1000),
        (HEAD, b"x: " + b"y" * 8000 + b"\r\n"),
        (b"HTTP/1.1 200 ", b"OK" * 500),
        (b"", b"\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b"HTTP/1.1 103 E\r\nx: y\r\n\r\n"),
        (CHUNKED + b"5", b";a=b"),
        (CHUNKED, b"0" * 1000),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"x: y\r\n"),
        (CHUNKED + b"5\r\nhello\r\n0\r\nx: ", b"y" * 1000),
    ],
)
def test_what_is_no_body_is_bounded(start: bytes, repeated: bytes) -> None:
    assert refused(records(start, repeated)) < ENOUGH


def test_heads_are_bounded_by_their_fields_and_their_size() -> None:
    fields = b"".join(b"x-%d: y\r\n" % number for number in range(256))
    large = b"x: " + b"y" * 65_000 + b"\r\n"

    assert read(HEAD + fields + b"\r\n").head is not None
    assert read(HEAD + large + b"\r\n").head is not None
    refused([HEAD + fields + b"z: z\r\n\r\n"])
    refused([HEAD + large + large + b"\r\n"])
