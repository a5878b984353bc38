"""Answers to clear text in words, and how to ask again."""

from shlex import quote

from conformance.model.clear_text import ClearAnswer, ClearPlace, Ending


def told(answer: ClearAnswer) -> str:
    """What came of an exchange, in a few words."""
    words = {
        Ending.HTTP: f"HTTP {answer.status}",
        Ending.TLS_ALERT: "a TLS alert",
        Ending.HTTP2: f"HTTP/2 {answer.status}" if answer.status else "HTTP/2",
        Ending.OTHER_BYTES: "bytes that are not HTTP",
        Ending.CLOSED: "closed without an answer",
        Ending.SILENCE: "no answer",
        Ending.CONNECT_REFUSED: "connection refused",
        Ending.CONNECT_TIMEOUT: "connection requests unanswered",
        Ending.UNREACHABLE: "unreachable",
    }
    return words[answer.ending]


def curl(place: ClearPlace, answer: ClearAnswer) -> str:
    """A line that shows the same, with an invented key."""
    address = f"[{place.address}]" if ":" in place.address else place.address
    special = {
        "models": "-H 'Authorization: Bearer sk-invented'",
        "keys": "-H 'Authorization: Bearer sk-invented'",
        "chat": "-H 'Authorization: Bearer sk-invented' -H 'Content-Type: application/json' -d '{}'",
        "websocket": "-H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' "
        "-H 'Sec-WebSocket-Key: Z2F0ZXByb29mIHByb2JlLg=='",
        "h2c": "--http2-prior-knowledge -H 'Authorization: Bearer sk-invented'",
    }
    url = quote(answer.target.partition(" ")[2])
    return f"curl -si --resolve {place.host}:{place.port}:{address} {special[answer.request]} {url}"
