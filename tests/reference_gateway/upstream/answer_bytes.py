"""Answers as bytes, and what is made of them."""

from collections.abc import Iterable
from typing import NamedTuple

import pytest

from reference_gateway.content.http_answer import Head, HttpAnswer, RefusedAnswerError

RECORD = 16_384  # the most that TLS delivers at once
ENOUGH = 2**20  # bytes that nothing but a body may have
HEAD = b"HTTP/1.1 200 OK\r\n"
SIZED = HEAD + b"content-length: 5\r\n\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


class Read(NamedTuple):
    """What was made of some bytes."""

    head: Head | None
    body: bytes
    complete: bool
    surplus: bool


def read(*pieces: bytes) -> Read:
    answer = HttpAnswer()
    body = b""
    for piece in pieces:
        answer.feed(piece)
        body += answer.take()
    return Read(answer.head, body, answer.complete, answer.surplus)


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def refused(pieces: Iterable[bytes]) -> int:
    """After how many bytes it was refused."""
    answer, fed = HttpAnswer(), 0

    def feed_all() -> None:
        nonlocal fed
        for piece in pieces:
            fed += len(piece)
            answer.feed(piece)
            answer.take()

    with pytest.raises(RefusedAnswerError) as refusal:
        feed_all()
    assert refusal.value.args == ()
    return fed


def headed(*lines: bytes, status: bytes = b"200 OK", version: bytes = b"1.1") -> Head:
    """The head of an answer with these lines."""
    head = read(
        b"HTTP/" + version + b" " + status + b"\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"
    ).head
    assert head is not None
    return head
