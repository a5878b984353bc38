"""The chunks of a chat completion as the events of a message."""

from collections.abc import Iterator
from typing import Final

from reference_gateway.content.form import Json
from reference_gateway.content.messages.blocks import Block, Blocks, event
from reference_gateway.content.messages.completion import (
    Call,
    calls_of,
    choice_of,
    id_of,
    new_id,
    refuses,
    stop_reason,
    text_of,
    thought_of,
    usage_said,
)
from reference_gateway.content.meter import Usage

_TEXT: Final[Json] = {"type": "text", "text": ""}
_THOUGHT: Final[Json] = {"type": "thinking", "thinking": "", "signature": ""}


class ChatToMessages:
    """Translates one stream, chunk by chunk; `model` is the name that the caller knows."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._started = False
        self._blocks = Blocks()
        self._calls: dict[int | None, Block] = {}
        self._refused = False
        self._finish: object = None

    def feed(self, chunk: Json) -> Iterator[bytes]:
        """The events that one chunk makes. Whatever is odd about it makes none."""
        yield from self._start(chunk)
        choice = choice_of(chunk)
        self._finish = choice.get("finish_reason") or self._finish
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return
        yield from self._say(_THOUGHT, thought_of(delta))
        yield from self._say(_TEXT, text_of(delta))
        self._refused = self._refused or refuses(delta)
        for call in calls_of(delta):
            yield from self._call(call)

    def finish(self, usage: Usage | None) -> Iterator[bytes]:
        """The events that end the message. `usage` is the bill, if the provider sent a credible one."""
        yield from self._start({})
        yield from self._blocks.end()
        reason = stop_reason(self._finish, called=bool(self._calls), refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield event("message_delta", delta=delta, usage=usage_said(usage))
        yield event("message_stop")

    def _start(self, chunk: Json) -> Iterator[bytes]:
        """The first event. What the prompt cost is known at the end only, and said there."""
        if self._started:
            return
        self._started = True
        message: Json = {
            "id": id_of(chunk, "msg"),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_said(None),
        }
        yield event("message_start", message=message)

    def _say(self, start: Json, fragment: str) -> Iterator[bytes]:
        """A piece of text or thought: of the last block, or of a new one where that is of another kind."""
        if not fragment:
            return
        block = self._blocks.last
        if block is None or block.kind != start["type"]:
            block = Block(start)
            yield from self._blocks.begin(block)
        yield from self._blocks.extend(block, fragment)

    def _call(self, call: Call) -> Iterator[bytes]:
        """A piece of a call. Those that belong to no call with a name are nobody's."""
        block = self._calls.get(call.place)
        if call.name and (block is None or _another(call, block)):
            start = {"type": "tool_use", "id": call.id or new_id("toolu"), "name": call.name, "input": {}}
            block = self._calls[call.place] = Block(start)
            yield from self._blocks.begin(block)
        if block is not None:
            yield from self._blocks.extend(block, call.arguments)


def _another(call: Call, block: Block) -> bool:
    """Whether a call has another's place: some providers give all of them the first, some give none.

    Others repeat the id, or even the name, with every fragment.
    """
    return call.id != block.start["id"] if call.id else call.place is None
