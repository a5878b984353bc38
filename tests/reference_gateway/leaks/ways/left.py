"""Ways on which the caller leaves: at every point of a call, politely or not."""

import socket
import ssl
import struct
from collections.abc import Iterator
from functools import partial
from typing import Final

from tests.reference_gateway.everyway import ENDPOINTS, Campaign, Endpoint, Outcome
from tests.reference_gateway.leaks.ways.answered import Way
from tests.reference_gateway.raw_tls import open_connection

_LINGER_NOT: Final = struct.pack("ii", 1, 0)
_ENDS: Final = ("closed", "reset")
_POINTS: Final = ("in the head", "in the body", "in a large body", "before the answer", "in the answer")
_LARGE: Final = 300_000  # bytes


def ways() -> Iterator[Way]:
    """Every endpoint, point and end. Nothing is told to somebody who is gone."""
    for endpoint in ENDPOINTS:
        for point in _POINTS if endpoint.streams else _POINTS[:-1]:
            for end in _ENDS:
                outcome = Outcome(None, asked=point.endswith("answer"))
                yield (
                    f"{endpoint.name}, {end} {point}",
                    partial(_go, endpoint=endpoint, point=point, end=end),
                    outcome,
                )


def _go(campaign: Campaign, way: str, *, endpoint: Endpoint, point: str, end: str) -> None:
    with open_connection(campaign.gateway) as tls:
        tls.sendall(_sent(campaign, way, endpoint, point))
        if point.endswith("answer"):
            campaign.await_asked(way)
        _leave(tls, end)
    campaign.arrived(way, b"")


def _sent(campaign: Campaign, way: str, endpoint: Endpoint, point: str) -> bytes:
    match point:
        case "in the head":
            return campaign.request(way, endpoint).partition(b"\r\n\r\n")[0]
        case "in the body":
            return campaign.request(way, endpoint)[:-20]
        case "in a large body":
            word = campaign.canaries.word(way, "user")
            return campaign.request(way, endpoint, user=_LARGE // len(word) * word)[: -_LARGE // 2]
        case "before the answer":
            return campaign.request(way, endpoint, "silent")
        case _:
            return campaign.request(way, endpoint, "stalls", stream=True)


def _leave(tls: ssl.SSLSocket, end: str) -> None:
    if end == "reset":
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    else:
        # What was not read would make a reset of the close.
        tls.shutdown(socket.SHUT_WR)
