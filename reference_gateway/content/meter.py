"""Reads usage from what a provider answers, whole or as an event stream.

At most one event of a stream is kept at a time, and an event is parsed only if it may say something
about the bill.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.ledger.wire import MAX_COMPLETION, MAX_PROMPT

_MAX_EVENT: Final = 1_048_576
# An empty line ends an event, and lines may end in three ways (HTML standard, 9.2.6). Each way by itself
# is recognised; a stream that mixes a bare CR with others is not metered, and so charged in full.
_EVENT_END: Final = re.compile(rb"\n\r?\n|\r\r")
_EVENT_ENDS: Final = (b"\n\n", b"\n\r\n", b"\r\r")
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")

# What is not a count does not decode; what is absurd is sorted out by `counted`.
Tokens = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class Usage:
    """What the provider says it billed. Cached and written tokens are parts of the prompt's."""

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    written_tokens: int = 0


def counted(
    prompt: int,
    completion: int,
    *,
    cached: int | None = None,
    written: int | None = None,
    total: int | None = None,
) -> Usage | None:
    """A usage, or None when it is beyond belief.

    Parts that are larger than their whole are cut, the dearer one last. Some providers leave reasoning
    out of the completion's tokens and bill it all the same; then only the total tells.
    """
    completion = max(completion, (total or 0) - prompt)
    if prompt > MAX_PROMPT or completion > MAX_COMPLETION:
        return None
    written = min(written or 0, prompt)
    return Usage(prompt, completion, min(cached or 0, prompt - written), written)


def decoded(decoder: msgspec.json.Decoder[Decoded], data: bytes) -> Decoded | None:
    """What `data` says, or None when it is not what the decoder expects."""
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        # ValueError: what is no UTF-8, and integers of thousands of digits.
        return None


def read_answer(decoder: msgspec.json.Decoder[Decoded], answer: Sealed) -> Decoded | None:
    """The same for a complete answer."""
    return decoded(decoder, unsealed(answer))


class EventTooLargeError(Exception):
    """One event of the stream is larger than allowed."""


class Events(ABC):
    """Cuts a stream into events and forwards them; subclasses look at those that tell something.

    However the stream is cut into pieces, the same bytes are forwarded and the same is read.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self.done = False

    @abstractmethod
    def tells(self, data: bytes) -> bool:
        """Whether `data` may hold an event that must be read. Called for every piece, so it must be quick."""

    @abstractmethod
    def read(self, event: bytes) -> bytes:
        """Reads one event; returns what of it is forwarded. Sets `done` when it is the last."""

    def feed(self, piece: Sealed) -> Sealed:
        """See `EventReader`."""
        data = unsealed(piece)
        if self.done:
            return Sealed(b"")
        if not self._pending and data.endswith(b"\n\n") and not self.tells(data):
            return piece  # the usual case: whole events, nothing to read, nothing to copy
        events = self._complete(data)
        return Sealed(b"".join(self._forwarded(events)) if self.tells(events) else events)

    def _complete(self, data: bytes) -> bytes:
        """The events that are complete with `data`; the beginning of the next is kept."""
        since = max(len(self._pending) - 2, 0)  # an end of three bytes may have begun before
        self._pending += data
        ends = ((self._pending.rfind(end, since), len(end)) for end in _EVENT_ENDS)
        whole = max((at + size for at, size in ends if at >= 0), default=0)
        events = bytes(self._pending[:whole])
        del self._pending[:whole]
        if len(self._pending) > _MAX_EVENT:
            raise EventTooLargeError
        return events

    def _forwarded(self, events: bytes) -> Iterator[bytes]:
        begin = 0
        for end in _EVENT_END.finditer(events):
            event, begin = events[begin : end.end()], end.end()
            # Empty lines say nothing. They are forwarded whatever follows them, because in another cut of
            # the stream they would have been forwarded before it came.
            told = event.lstrip(b"\r\n")
            yield event[: len(event) - len(told)]
            yield self.read(told) if self.tells(told) else told
            if self.done:
                return
        yield events[begin:]


def data_of(event: bytes) -> bytes:
    """The data of one event: its `data:` lines, one leading space dropped (HTML standard, 9.2.6)."""
    lines = (line for line in _LINE_END.split(event) if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)
