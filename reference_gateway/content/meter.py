"""Reads the usage that a provider reports, and holds back what the caller did not ask for.

At most one event of a stream is kept at a time.
"""

import re
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed

_MAX_EVENT: Final = 1_048_576
_EVENT_END: Final = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")

Tokens = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class Usage(Struct, frozen=True):
    """What the provider says it billed. Negative or absurd counts do not decode: no usage at all."""

    prompt_tokens: Tokens
    completion_tokens: Tokens


class _Answer(Struct, frozen=True):
    usage: Usage | None = None


class _Chunk(Struct, frozen=True):
    choices: list[msgspec.Raw] = []
    usage: Usage | None = None


_answer = msgspec.json.Decoder(_Answer)
_chunk = msgspec.json.Decoder(_Chunk)


class EventTooLargeError(Exception):
    """One event of the stream is larger than allowed."""


def usage_of(answer: Sealed) -> Usage | None:
    """The usage in a complete JSON answer; None when there is none or it is not credible."""
    decoded = _decode(_answer, unsealed(answer))
    return decoded.usage if isinstance(decoded, _Answer) else None


class StreamMeter:
    """Feeds on the pieces of an event stream, in order."""

    def __init__(self, *, asked_usage: bool) -> None:
        self._asked_usage = asked_usage
        self._pending = b""
        self._last: Usage | None = None
        self._alone = False
        self.done = False

    @property
    def final_usage(self) -> Usage | None:
        """The usage that settles: the last one of a finished stream, or one that came by itself.

        Some providers report a running usage; in a stream that was cut, that is not the bill.
        """
        return self._last if self.done or self._alone else None

    def feed(self, piece: Sealed) -> Sealed:
        """The complete events in `piece` and what was kept before, ready to forward, `[DONE]` excluded."""
        data = self._pending + unsealed(piece)
        whole = 0
        kept: list[bytes] = []
        for end in _EVENT_END.finditer(data):
            event, whole = data[whole : end.end()], end.end()
            if self._forwards(event):
                kept.append(event)
            if self.done:
                break
        self._pending = b"" if self.done else data[whole:]
        if len(self._pending) > _MAX_EVENT:
            raise EventTooLargeError
        return Sealed(b"".join(kept))

    def _forwards(self, event: bytes) -> bool:
        if b"[DONE]" in event and _data_of(event) == b"[DONE]":
            self.done = True
            return False
        if b'"usage"' not in event:
            return True
        chunk = _decode(_chunk, _data_of(event))
        if not isinstance(chunk, _Chunk) or chunk.usage is None:
            return True
        self._last = chunk.usage
        self._alone = not chunk.choices
        return self._asked_usage or not self._alone


def _data_of(event: bytes) -> bytes:
    """The data of one event (HTML standard, 9.2.6): `data:` lines, one leading space dropped."""
    lines = (line for line in _LINE_END.split(event) if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)


def _decode(decoder: Any, data: bytes) -> object:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
