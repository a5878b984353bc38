"""Messages, whole and as a stream of typed events (Anthropic API reference, "Messages", "Streaming messages")."""

from collections.abc import Iterator

from conformance.witness.answers import Piece, shreds, typed_event
from conformance.witness.objects import Json, Said

_SIGNATURE = "d2l0bmVzcw=="  # of a thought; it holds nothing


def whole(said: Said) -> Json:
    """The answer to a request for a message."""
    blocks: list[Json] = []
    if said.reasoning:
        blocks.append({"type": "thinking", "thinking": said.reasoning, "signature": _SIGNATURE})
    if _calls(said):
        blocks.append({**_tool(said), "input": {"text": said.plain}})
    else:
        blocks.append({"type": "text", "text": said.text})
    usage = {"input_tokens": said.usage.prompt, "output_tokens": said.usage.completion}
    return _message(said, blocks, _stop(said), usage)


def events(said: Said) -> Iterator[Piece]:
    """The same as a stream."""
    begun = {"input_tokens": said.usage.prompt, "output_tokens": 1}
    yield typed_event("message_start", {"message": _message(said, [], None, begun)})
    if said.reasoning:
        yield from _thought(said)
    index = 1 if said.reasoning else 0
    block = {**_tool(said), "input": {}} if _calls(said) else {"type": "text", "text": ""}
    yield typed_event("content_block_start", {"index": index, "content_block": block})
    yield typed_event("ping", {})
    kind, name = ("input_json_delta", "partial_json") if _calls(said) else ("text_delta", "text")
    for shred in shreds(said.text):
        yield _delta(index, {"type": kind, name: shred}, shred)
    yield typed_event("content_block_stop", {"index": index})
    ended = {"delta": {"stop_reason": _stop(said), "stop_sequence": None}}
    usage = {"usage": {"output_tokens": said.usage.completion}} if said.tells_usage else {}
    yield typed_event("message_delta", {**ended, **usage})
    yield typed_event("message_stop", {})


def _calls(said: Said) -> bool:
    return said.asked.tool is not None and not said.refuses


def _tool(said: Said) -> Json:
    return {"type": "tool_use", "id": f"toolu-{said.number}", "name": said.asked.tool}


def _stop(said: Said) -> str:
    if said.refuses:
        return "refusal"
    if _calls(said):
        return "tool_use"
    return "end_turn" if said.asked.max_tokens is None else "max_tokens"


def _message(said: Said, content: list[Json], stop: str | None, usage: Json) -> Json:
    return {
        "id": f"msg-{said.number}",
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        **({"usage": usage} if said.tells_usage else {}),
    }


def _thought(said: Said) -> Iterator[Piece]:
    block = {"type": "thinking", "thinking": "", "signature": ""}
    yield typed_event("content_block_start", {"index": 0, "content_block": block})
    for shred in shreds(said.reasoning):
        yield _delta(0, {"type": "thinking_delta", "thinking": shred})
    yield _delta(0, {"type": "signature_delta", "signature": _SIGNATURE})
    yield typed_event("content_block_stop", {"index": 0})


def _delta(index: int, delta: Json, text: str = "") -> Piece:
    return typed_event("content_block_delta", {"index": index, "delta": delta}, text)
