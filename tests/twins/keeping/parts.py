"""What is kept of an exchange: each part is a function to the texts or bytes of that kind in it."""

import base64
import binascii
import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from tests.twins.keeping.exchange import Exchange

What = Callable[[Exchange], Iterable[bytes]]

_CREDENTIALS = ("authorization", "x-api-key")
_MOST = 20_000  # bytes of a text; nobody's log has longer lines


def body(exchange: Exchange) -> Iterator[bytes]:
    """The request up to a bound, without blanks before it."""
    yield exchange.request.lstrip()[:_MOST]


def whole_body(exchange: Exchange) -> Iterator[bytes]:
    """The request as it came."""
    yield exchange.request


def answer(exchange: Exchange) -> Iterator[bytes]:
    """The answer as it went."""
    if exchange.answer:
        yield exchange.answer[:_MOST]


def refused_by_provider(exchange: Exchange) -> Iterator[bytes]:
    """What the provider said, as it said it."""
    if exchange.provider_answer:
        yield exchange.provider_answer[:_MOST]


def said(exchange: Exchange) -> Iterator[bytes]:
    """The text of each message, prompt and input, one by one."""
    asked = exchange.asked()
    for message in _objects(asked.get("messages"), asked.get("input")):
        yield from _texts(message.get("content"))
    for name in ("prompt", "input"):
        yield from _texts(asked.get(name))


def prompt(exchange: Exchange) -> Iterator[bytes]:
    """The last thing that was said."""
    yield from list(said(exchange))[-1:]


def by_role(*roles: str) -> What:
    """What was said by these roles."""

    def take(exchange: Exchange) -> Iterator[bytes]:
        for message in _objects(exchange.asked().get("messages")):
            if message.get("role") in roles:
                yield from _texts(message.get("content"))

    return take


def named(*names: str) -> What:
    """Every string of the request that stands under one of these names, however deep."""

    def take(exchange: Exchange) -> Iterator[bytes]:
        yield from (text.encode() for text in _under(exchange.asked(), names))

    return take


def told(*names: str) -> What:
    """Every string of the answer that stands under one of these names, deltas joined."""

    def take(exchange: Exchange) -> Iterator[bytes]:
        joined = "".join(text for event in exchange.told() for text in _under(event, names))
        if joined:
            yield joined.encode()

    return take


def within(*names: str) -> What:
    """Members of the request as JSON."""

    def take(exchange: Exchange) -> Iterator[bytes]:
        asked = exchange.asked()
        yield from (json.dumps(asked[name]).encode() for name in names if asked.get(name))

    return take


def attached(*names: str) -> What:
    """The bytes of what is sent in base64 under one of these names, as data URLs or bare."""

    def take(exchange: Exchange) -> Iterator[bytes]:
        for text in _under(exchange.asked(), names):
            with suppress(binascii.Error):  # an address is no data
                yield base64.b64decode(text.rpartition(",")[2], validate=True)

    return take


def vectors(exchange: Exchange) -> Iterator[bytes]:
    """Embeddings as a vector store keeps them: floats of 32 bits."""
    for event in exchange.told():
        for one in _objects(event.get("data")):
            vector = one.get("embedding")
            if isinstance(vector, list):
                yield array("f", vector).tobytes()
            elif isinstance(vector, str):
                yield base64.b64decode(vector)


def header(*names: str) -> What:
    """These headers; all but credentials where none is named."""

    def take(exchange: Exchange) -> Iterator[bytes]:
        lines = [
            f"{name}: {value}"
            for name, value in exchange.headers.items()
            if name in names or (not names and name not in _CREDENTIALS)
        ]
        if lines:
            yield "\t".join(lines).encode("utf-8", "replace")

    return take


def query(exchange: Exchange) -> Iterator[bytes]:
    """The query string."""
    if exchange.query:
        yield exchange.query.encode()


def _texts(content: object) -> Iterator[bytes]:
    """A string, a list of strings, or parts of which some have a text."""
    if isinstance(content, str):
        yield content.encode("utf-8", "replace")[:_MOST]
    elif isinstance(content, list):
        for part in content:
            if not isinstance(part, dict) or "role" not in part:
                yield from _texts(part.get("text") if isinstance(part, dict) else part)


def _objects(*values: object) -> Iterator[dict[str, Any]]:
    for value in values:
        if isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))


def _under(value: object, names: Iterable[str], *, inside: bool = False) -> Iterator[str]:
    """Strings under a name, or anywhere below it."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _under(member, names, inside=inside or name in names)
    elif isinstance(value, list):
        for item in value:
            yield from _under(item, names, inside=inside)
    elif inside and isinstance(value, str):
        yield value
