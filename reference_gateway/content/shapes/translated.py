"""`POST messages` where the provider speaks chat completions only."""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Struct

from reference_gateway.config import Model
from reference_gateway.content.form import Demand, Json
from reference_gateway.content.messages import ChatToMessages, from_chat, to_chat
from reference_gateway.content.meter import Usage, data_of, decoded, read_answer
from reference_gateway.content.sealed import Sealed
from reference_gateway.content.shapes import chat, messages
from reference_gateway.content.shapes.chunks import Chunked, ChunkEvents
from reference_gateway.web.faults import Fault, RefusalError, anthropic_error_event


class _Error(Struct, frozen=True):
    message: str


class _Refusal(Struct, frozen=True):
    """As OpenAI's API refuses."""

    error: _Error


_refusal: Final = msgspec.json.Decoder(_Refusal)
_object: Final = msgspec.json.Decoder(dict[str, Any])
_encoder: Final = msgspec.json.Encoder()


def read(body: Json, model: Model, *, limited: bool) -> Demand:
    """Checks a request in both shapes, so that no slip of the translation costs more. Raises RefusalError."""
    messages.read(body, model, limited=limited)
    demand = chat.read(to_chat(body), model, limited=limited)
    return Demand(
        body=demand.body,
        stream=demand.stream,
        completion=demand.completion,
        images=demand.images,
        form=Translated(model.name),
    )


@dataclass(frozen=True, slots=True)
class Translated:
    """Answers are chat completions, shown as messages from `model`."""

    model: str

    def whole(self, answer: Sealed) -> tuple[Sealed, Usage | None]:
        """See `Form`. Raises RefusalError where the provider's answer has no meaning."""
        completion = read_answer(_object, answer)
        if completion is None:
            raise RefusalError(Fault.PROVIDER_FAILED)
        _, usage = Chunked().whole(answer)
        return _encoded(from_chat(completion, self.model)), usage

    def refused(self, status: int, answer: Sealed) -> Sealed:
        """See `Form`. The provider's words, in the API that was asked."""
        said = read_answer(_refusal, answer)
        message = said.error.message if said is not None else Fault.PROVIDER_REFUSED.value.message
        kind = "request_too_large" if status == 413 else "invalid_request_error"
        return _encoded({"type": "error", "error": {"type": kind, "message": message}})

    def stream(self) -> "TranslatedEvents":
        """See `Form`."""
        return TranslatedEvents(self.model)


class TranslatedEvents(ChunkEvents):
    """See `EventReader`. Metered as chunks, shown as Anthropic's events."""

    def __init__(self, model: str) -> None:
        super().__init__(asked_usage=False)
        self._translation = ChatToMessages(model)

    def end(self) -> Sealed:
        """See `EventReader`."""
        return Sealed(b"".join(self._translation.finish(self.final_usage)))

    def fault(self, fault: Fault) -> bytes:
        """See `EventReader`."""
        return anthropic_error_event(fault)

    def tells(self, data: bytes) -> bool:
        """See `Events`. What has no data is a comment, which every client skips."""
        return b"data:" in data

    def read(self, event: bytes) -> bytes:
        """See `Events`."""
        if not super().read(event):
            return b""
        chunk = decoded(_object, data_of(event))
        if chunk is None:
            return b""
        if chunk.get("error"):
            return anthropic_error_event(Fault.PROVIDER_FAILED)
        return b"".join(self._translation.feed(chunk))


def _encoded(message: Json) -> Sealed:
    try:
        return Sealed(_encoder.encode(message))
    except RecursionError:
        # Arguments that just could be read are nested deeper here than in the text that they were.
        raise RefusalError(Fault.PROVIDER_FAILED) from None
