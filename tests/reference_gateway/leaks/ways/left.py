"""Ways on which the caller leaves: at every point of a call, politely or not."""

import socket
import ssl
import struct
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Final

from tests.reference_gateway.everyway import ENDPOINTS, Campaign, Endpoint, Outcome
from tests.reference_gateway.leaks.ways.answered import Way
from tests.reference_gateway.raw_tls import open_connection

_LINGER_NOT: Final = struct.pack("ii", 1, 0)
_ENDS: Final = ("closed", "reset")
_HEAD_END: Final = b"\r\n\r\n"
_LARGE: Final = 300_000  # bytes


def ways() -> Iterator[Way]:
    """Every endpoint, point and end. Nothing is told to somebody who is gone."""
    for endpoint in ENDPOINTS:
        points = [point for point in _SENDERS if endpoint.streams or point != "in the answer"]
        for point, end in product(points, _ENDS):
            go = partial(_go, endpoint=endpoint, point=point, end=end)
            yield f"{endpoint.name}, {end} {point}", go, Outcome(None, asked=point.endswith("answer"))


def _go(campaign: Campaign, way: str, *, endpoint: Endpoint, point: str, end: str) -> None:
    with open_connection(campaign.gateway) as tls:
        _SENDERS[point](campaign, way, endpoint, tls)
        _leave(tls, end)
    campaign.arrived(way, b"")


def _in_the_head(campaign: Campaign, way: str, endpoint: Endpoint, tls: ssl.SSLSocket) -> None:
    tls.sendall(campaign.request(way, endpoint).partition(_HEAD_END)[0])


def _in_the_body(campaign: Campaign, way: str, endpoint: Endpoint, tls: ssl.SSLSocket) -> None:
    _send_half(campaign.request(way, endpoint), tls)


def _in_a_large_body(campaign: Campaign, way: str, endpoint: Endpoint, tls: ssl.SSLSocket) -> None:
    word = campaign.canaries.word(way, "user")
    _send_half(campaign.request(way, endpoint, user=_LARGE // len(word) * word), tls)


def _before_the_answer(campaign: Campaign, way: str, endpoint: Endpoint, tls: ssl.SSLSocket) -> None:
    tls.sendall(campaign.request(way, endpoint, "silent"))
    campaign.await_asked(way)


def _in_the_answer(campaign: Campaign, way: str, endpoint: Endpoint, tls: ssl.SSLSocket) -> None:
    tls.sendall(campaign.request(way, endpoint, "stalls", stream=True))
    assert tls.recv(1)


_SENDERS: Final = {
    "in the head": _in_the_head,
    "in the body": _in_the_body,
    "in a large body": _in_a_large_body,
    "before the answer": _before_the_answer,
    "in the answer": _in_the_answer,
}


def _send_half(request: bytes, tls: ssl.SSLSocket) -> None:
    """The head, and half of the body when it is asked for: from then on the gateway knows of the request."""
    head, end, body = request.partition(_HEAD_END)
    tls.sendall(head + b"\r\nexpect: 100-continue" + end)
    assert tls.recv(65536).startswith(b"HTTP/1.1 100 ")
    tls.sendall(body[: len(body) // 2])


def _leave(tls: ssl.SSLSocket, end: str) -> None:
    if end == "reset":
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    else:
        # What was not read would make a reset of the close.
        tls.shutdown(socket.SHUT_WR)
