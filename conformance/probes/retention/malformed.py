"""Requests that are malformed in one way each, with a canary where a handler of errors would quote it."""

from collections.abc import Callable, Mapping

from conformance.probes.retention import bodies
from conformance.probes.retention.letters import Letter, Writer

_DEPTH = 1_500  # deeper than what readers of JSON that descend by recursion bear
_OTHER_TYPES = ("text/plain", "application/x-www-form-urlencoded", "application/xml")


def _open(writer: Writer) -> bytes:
    """The beginning of a body, up to the end of a user's text."""
    text = writer.text("user")
    return f'{{"model": "{writer.model}", "messages": [{{"role": "user", "content": "{text}'.encode()


def _truncated(writer: Writer) -> bytes:
    return _open(writer) + b'"'


def _no_utf8(writer: Writer) -> bytes:
    return _open(writer) + b' \xff\xfe \xc3\x28"}], "max_tokens": 16}'


def _no_json(writer: Writer) -> bytes:
    return writer.text("user").encode()


def _nested(writer: Writer) -> bytes:
    return _open(writer) + b'"}], "metadata": ' + b"[" * _DEPTH + b"]" * _DEPTH + b"}"


def _twice(writer: Writer) -> bytes:
    """The member that carries the texts is there twice; readers differ in which one they take."""
    first = _open(writer) + b'"}], "messages": [{"role": "user", "content": "'
    return first + writer.text("second messages").encode() + b'"}], "max_tokens": 16}'


def _wrong_types(writer: Writer) -> bodies.Body:
    text = writer.text("user")
    return {"model": writer.model, "messages": {"role": "user", "content": text}, "max_tokens": text}


def _wrong_role(writer: Writer) -> bodies.Body:
    messages = [
        {"role": writer.atom("role").lower(), "content": [{"type": "note", "text": writer.text("user")}]}
    ]
    return {"model": writer.model, "messages": messages, "max_tokens": 16}


def _no_messages(writer: Writer) -> bodies.Body:
    return {"model": writer.model, "message": writer.text("user"), "max_tokens": 16}


def _no_model(writer: Writer) -> bodies.Body:
    body = bodies.chat(writer)
    del body["model"]
    return body


def _other_type(writer: Writer) -> bodies.Body:
    writer.headers["content-type"] = _OTHER_TYPES[writer.number % len(_OTHER_TYPES)]
    return bodies.chat(writer)


_MALFORMED: Mapping[str, Callable[[Writer], bodies.Body | bytes]] = {
    "truncated JSON": _truncated,
    "no JSON": _no_json,
    "invalid UTF-8": _no_utf8,
    "deep nesting": _nested,
    "duplicate members": _twice,
    "wrong types": _wrong_types,
    "unknown role": _wrong_role,
    "no messages": _no_messages,
    "no model": _no_model,
    "wrong content type": _other_type,
}
KINDS = tuple(_MALFORMED)
IN_TURN = "wrong content type"
"""Is several kinds in one, of which a gateway may refuse some."""


def write(writer: Writer, kind: str) -> Letter:
    """A letter that is malformed in this way."""
    return writer.letter(_MALFORMED[kind](writer))
