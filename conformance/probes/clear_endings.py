"""How an exchange in clear text ended."""

from typing import Literal

from conformance.model.clear_text import Ending
from conformance.model.transport import Outcome
from conformance.probes.h2c import read_h2c, speaks_h2
from conformance.probes.raw_http import RawAnswer, looks_like_http, read_answer
from conformance.probes.tls.tcp import Exchange

_ENDINGS = {
    Outcome.CONNECT_REFUSED: Ending.CONNECT_REFUSED,
    Outcome.CONNECT_TIMEOUT: Ending.CONNECT_TIMEOUT,
    Outcome.UNREACHABLE: Ending.UNREACHABLE,
    Outcome.CLOSED: Ending.CLOSED,
    Outcome.RESET: Ending.CLOSED,
}
Kind = Literal["models", "keys", "chat", "websocket", "h2c"]


def enough(kind: Kind, data: bytes) -> bool:
    """Whether what came says all that the answer to a request will."""
    answer = read_answer(data)
    if answer is not None:
        return answer.whole
    if looks_like_http(data):
        return False
    if kind == "h2c" and (speaks_h2(data) or len(data) < 9):
        return read_h2c(data).ended
    return len(data) >= 7


def ending_of(got: Exchange, answer: RawAnswer | None) -> Ending:
    """What an exchange came to; the answer is what could be read of it."""
    data = got.received
    if answer is not None:
        return Ending.HTTP
    if data[:2] == b"\x15\x03":
        return Ending.TLS_ALERT
    if speaks_h2(data):
        return Ending.HTTP2
    if data:
        return Ending.OTHER_BYTES
    return _ENDINGS.get(got.ending, Ending.SILENCE) if got.ending else Ending.SILENCE
