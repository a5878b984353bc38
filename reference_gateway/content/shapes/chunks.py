"""How the older OpenAI shapes answer: a usage object, chunks without names, `[DONE]`.

Chat completions, completions and embeddings share it.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from reference_gateway.content.billable import within
from reference_gateway.content.fields import flag
from reference_gateway.content.meter import Events, Tokens, Usage, counted, data_of, decoded, read_answer
from reference_gateway.content.sealed import Sealed
from reference_gateway.web.faults import Fault, RefusalError, error_event

_DONE: Final = b"[DONE]"
# Providers that were asked for usage say `"usage":null` in every chunk but one.
_USAGE: Final = re.compile(rb'"usage"\s*:\s*\{')
_STREAM_OPTIONS: Final = frozenset({"include_usage", "include_obfuscation"})


class _PromptDetails(Struct, frozen=True):
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None


class TokenCounts(Struct, frozen=True):
    """The `usage` of a chunk or an answer. Embeddings have no completion."""

    prompt_tokens: Tokens
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None
    prompt_tokens_details: _PromptDetails | None = None

    def usage(self, *, completes: bool = True) -> Usage | None:
        """What was billed; None when it is not credible, or no completion is counted where there must be one."""
        if self.completion_tokens is None and completes:
            return None
        details = self.prompt_tokens_details or _PromptDetails()
        return counted(
            self.prompt_tokens,
            self.completion_tokens or 0,
            cached=details.cached_tokens,
            written=details.cache_write_tokens,
            total=self.total_tokens,
        )


class _Answer(Struct, frozen=True):
    usage: TokenCounts | None = None


class _Chunk(Struct, frozen=True):
    choices: list[msgspec.Raw] | None = None
    usage: TokenCounts | None = None


_answer: Final = msgspec.json.Decoder(_Answer)
_chunk: Final = msgspec.json.Decoder(_Chunk)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunked:
    """Answers are shown as they come. `asked_usage`: the caller wants the chunk that holds it."""

    asked_usage: bool = False
    completes: bool = True

    def whole(self, answer: Sealed) -> tuple[Sealed, Usage | None]:
        """See `Form`."""
        read = read_answer(_answer, answer)
        counts = read.usage if read else None
        return answer, counts.usage(completes=self.completes) if counts else None

    def refused(self, _status: int, answer: Sealed) -> Sealed:
        """See `Form`. The provider's own words, in the API that was asked."""
        return answer

    def stream(self) -> "ChunkEvents":
        """See `Form`."""
        return ChunkEvents(asked_usage=self.asked_usage)


class ChunkEvents(Events):
    """See `EventReader`. `[DONE]` is kept back, and the usage too if the caller did not ask for it."""

    def __init__(self, *, asked_usage: bool) -> None:
        super().__init__()
        self._asked_usage = asked_usage
        self._last: Usage | None = None
        self._alone = False

    @property
    def final_usage(self) -> Usage | None:
        """The last usage of a finished stream, or one that came by itself.

        Some providers report a running usage; in a stream that was cut, that is not the bill.
        """
        return self._last if self.done or self._alone else None

    def end(self) -> Sealed:
        """See `EventReader`."""
        return Sealed(b"data: [DONE]\n\n")

    def fault(self, fault: Fault) -> bytes:
        """See `EventReader`."""
        return error_event(fault)

    def tells(self, data: bytes) -> bool:
        """See `Events`."""
        return _DONE in data or (b'"usage"' in data and _USAGE.search(data) is not None)

    def read(self, event: bytes) -> bytes:
        """See `Events`."""
        data = data_of(event)
        if data.strip() == _DONE:
            self.done = True
            return b""
        if b'"usage"' not in data:
            return event
        chunk = decoded(_chunk, data)
        if chunk is None:
            self._last = None  # a usage that is not credible also ends belief in those before it
            return event
        if chunk.usage is None:
            return event
        self._last = chunk.usage.usage()
        self._alone = not chunk.choices
        return event if self._asked_usage or not self._alone else b""


def metered(body: dict[str, Any], *, limited: bool) -> tuple[bool, Chunked]:
    """Whether a stream is asked for, and its form; the provider is always asked to report usage."""
    stream = flag(body, "stream")
    options = body.get("stream_options")
    if options is not None and not (isinstance(options, dict) and stream):
        raise RefusalError(Fault.BAD_VALUE, param="stream_options")
    given = options or {}
    if limited:
        within(given, _STREAM_OPTIONS, "stream_options")
    asked_usage = flag(given, "include_usage")
    if stream:
        body["stream_options"] = {**given, "include_usage": True}
    return stream, Chunked(asked_usage=asked_usage)
