"""Twins of the reference gateway that read keys where none should be, or say too much of them, and odd ones that do not."""

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from urllib.parse import unquote

from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import noting
from tests.twins.checks import ALIKE, CARRIER, NOTHING_BACK, WHOLE

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference")


def _read_as(parts: Parts, read: Callable[[Scope, bytes], bytes]) -> Parts:
    """What is read as Authorization, made from the request and what stands there."""

    def around(app: App) -> App:
        async def reading(scope: Scope, receive: Receive, send: Send) -> None:
            fields = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
            given = [value for name, value in scope["headers"] if name == b"authorization"]
            value = read(scope, given[0] if given else b"")
            more = [(b"authorization", value)] if value else []
            await app({**scope, "headers": [*fields, *more]}, receive, send)

        return reading

    return replace(parts, app=around)


def _knowing(parts: Parts, read: Callable[[str, list[str]], str]) -> Parts:
    """The key that is meant by what was presented, chosen among all that were ever given."""
    known: list[str] = []

    def meant(_scope: Scope, value: bytes) -> bytes:
        scheme, blank, token = value.decode("latin-1").partition(" ")
        return f"{scheme}{blank}{read(token, known)}".encode("latin-1")

    return replace(_read_as(parts, meant), accounts=noting(known))


@twin("key-in-the-query", fails={CARRIER})
def key_in_the_query(parts: Parts) -> Parts:
    """For tools that can set no header."""

    def read(scope: Scope, value: bytes) -> bytes:
        name, _, token = scope["query_string"].partition(b"=")
        return b"Bearer " + token if name == b"api_key" else value

    return _read_as(parts, read)


@twin("half-a-key-opens", fails={WHOLE})
def half_a_key_opens(parts: Parts) -> Parts:
    """Keys are looked up by their beginning, of which fifty characters are thought to be enough."""
    return _knowing(parts, lambda token, known: next((k for k in known if k[:50] == token[:50]), token))


@twin("case-does-not-matter", fails={WHOLE})
def case_does_not_matter(parts: Parts) -> Parts:
    """A collation that ignores case."""
    return _knowing(parts, lambda token, known: next((k for k in known if k.lower() == token.lower()), token))


@twin("undefined-is-a-guest", fails={WHOLE})
def undefined_is_a_guest(parts: Parts) -> Parts:
    """What a careless program sends without a key is taken for the first customer's."""
    return _knowing(parts, lambda token, known: known[0] if known and token == "undefined" else token)


@twin("escapes-in-keys-are-read", fails={WHOLE})
def escapes_in_keys_are_read(parts: Parts) -> Parts:
    """Headers are decoded as URLs are."""
    return _knowing(parts, lambda token, _known: unquote(token))


def _refused_with(parts: Parts, change: Callable[[int, bytes, str], tuple[int, bytes] | None]) -> Parts:
    """Refusals of keys in other words, from status, body and what was presented; None: as they are."""

    def around(app: App) -> App:
        async def changed(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            began: list[Message] = []

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] == 401:
                    began.append(message)
                    return
                if began and message["type"] == "http.response.body":
                    start, body = began.pop(), message.get("body", b"")
                    status, body = change(start["status"], body, given) or (start["status"], body)
                    fields = [field for field in start["headers"] if field[0] != b"content-length"]
                    fields.append((b"content-length", b"%d" % len(body)))
                    await send({**start, "status": status, "headers": fields})
                    message = {**message, "body": body}
                await send(message)

            await app(scope, receive, sent)

        return changed

    return replace(parts, app=around)


@twin("refusals-repeat-the-key", fails={NOTHING_BACK})
def refusals_repeat_the_key(parts: Parts) -> Parts:
    """An error as helpful as can be."""
    return _refused_with(
        parts, lambda status, _body, key: (status, json.dumps({"error": "invalid", "param": key}).encode())
    )


@twin("refusals-know-old-keys", fails={ALIKE})
def refusals_know_old_keys(parts: Parts) -> Parts:
    """Whoever has a key that was good once is told so."""
    given: list[str] = []

    def change(_status: int, body: bytes, key: str) -> tuple[int, bytes] | None:
        return (403, body) if key in given else None

    return replace(_refused_with(parts, change), accounts=noting(given))


@variant("refuses-with-404", about=("K3", "K5"))
def refuses_with_404(parts: Parts) -> Parts:
    """To whoever has no key, there is nothing here; and each time it is said with another number."""
    return _refused_with(
        parts,
        lambda _status, _body, _key: (404, f'{{"error":"no such page, {secrets.token_hex(8)}"}}'.encode()),
    )


@variant("errors-show-the-end-of-keys", about=("K5",))
def errors_show_the_end_of_keys(parts: Parts) -> Parts:
    """The last six characters of what was presented, as many gateways show them."""
    return _refused_with(
        parts, lambda status, _body, key: (status, json.dumps({"error": f"invalid key …{key[-6:]}"}).encode())
    )


@variant("any-scheme-and-the-first-field", about=("K5",))
def any_scheme_and_the_first_field(parts: Parts) -> Parts:
    """The key alone, or behind any word, and the first of two fields: odd, and nobody without a key comes in."""
    return _read_as(parts, lambda _scope, value: b"Bearer " + value.rpartition(b" ")[2] if value else b"")
