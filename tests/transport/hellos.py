"""The first record of a connection, left where it is or taken, and what a ClientHello in it offers."""

import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """What a ClientHello offers, as far as deployments care."""

    version: int
    sni: str
    alpn: bool


def take(connection: socket.socket) -> None:
    """Take the first record, or what came of it until the peer left."""
    left = len(first_record(connection))
    while left > 0 and (taken := connection.recv(left)):
        left -= len(taken)


def peek(connection: socket.socket) -> Seen | None:
    """What the first record offers, which is left where it is; None where none came."""
    record = first_record(connection)
    return parse_hello(record) if record else None


def first_record(connection: socket.socket) -> bytes:
    """The first record, left where it is; what has come, where that is none or does not become whole."""
    data, deadline = b"", time.monotonic() + 5
    while len(data) < 5 or len(data) < _length(data):
        more = connection.recv(65536, socket.MSG_PEEK)
        if len(more) == len(data):
            if not more or time.monotonic() > deadline:
                break
            time.sleep(0.001)
        data = more
    return data


def _length(start: bytes) -> int:
    """The length of a record that begins so: one of SSLv2 tells it in its first two bytes."""
    if start[0] not in {0x16, 0x80, 0x81}:
        return len(start)
    if start[0] & 0x80:
        return 2 + (int.from_bytes(start[:2], "big") & 0x7FFF)
    return 5 + int.from_bytes(start[3:5], "big")


def parse_hello(record: bytes) -> Seen:
    """What one whole ClientHello record offers."""
    if record[0] & 0x80:
        return Seen(version=0x0002, sni="", alpn=False)
    if record[0] != 0x16:
        return Seen(version=0x0304, sni="", alpn=False)  # no hello: for whoever answers the usual ones
    body = record[9:]
    version, position = int.from_bytes(body[:2], "big"), 34
    position += 1 + body[position]
    position += 2 + int.from_bytes(body[position : position + 2], "big")
    position += 1 + body[position]
    extensions, found = body[position + 2 :], {}
    while len(extensions) >= 4:
        length = int.from_bytes(extensions[2:4], "big")
        found[int.from_bytes(extensions[:2], "big")] = extensions[4 : 4 + length]
        extensions = extensions[4 + length :]
    if b"\x03\x04" in found.get(43, b"")[1:]:
        version = 0x0304
    return Seen(version=version, sni=found.get(0, b"")[5:].decode(), alpn=16 in found)
