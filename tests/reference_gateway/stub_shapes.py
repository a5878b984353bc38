"""What the stub provider answers at its other endpoints: the least that the official SDKs take for an answer."""

import asyncio
from collections.abc import Callable
from typing import Any

from tests.reference_gateway.stub_provider import (
    PROMPT_TOKENS,
    STREAM_HEAD,
    Seen,
    StubProvider,
    chunked,
    completion_tokens,
    event,
    json_answer,
    ordinary,
    usage,
)

Events = list[tuple[str, dict[str, Any]]]


def _completion(seen: Seen) -> dict[str, Any]:
    choice = {"index": 0, "text": "a fine answer", "finish_reason": "stop", "logprobs": None}
    kept = {"id": "c1", "object": "text_completion", "created": 1, "model": "m"}
    return {**kept, "choices": [choice], "usage": usage(seen.body)}


def _embeddings(seen: Seen) -> dict[str, Any]:
    texts = seen.body["input"] if isinstance(seen.body["input"], list) else [seen.body["input"]]
    data = [{"object": "embedding", "index": at, "embedding": [0.5, 0.25]} for at, _ in enumerate(texts)]
    counts = {"prompt_tokens": PROMPT_TOKENS, "total_tokens": PROMPT_TOKENS}
    return {"object": "list", "model": "m", "data": data, "usage": counts}


def _response(seen: Seen) -> dict[str, Any]:
    out = int(seen.body.get("max_output_tokens") or 5)
    content = [{"type": "output_text", "text": "a fine answer", "annotations": []}]
    message = {"id": "m1", "type": "message", "role": "assistant", "status": "completed", "content": content}
    counts = {
        "input_tokens": PROMPT_TOKENS,
        "output_tokens": out,
        "total_tokens": PROMPT_TOKENS + out,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    settings = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    head = {"id": "r1", "object": "response", "created_at": 1, "status": "completed", "model": "m"}
    return {**head, **settings, "output": [message], "usage": counts}


def _response_events(seen: Seen) -> Events:
    whole = _response(seen)
    place = {"item_id": "m1", "output_index": 0, "content_index": 0}
    deltas = [{**place, "delta": text, "logprobs": []} for text in ("one ", "two ")]
    started = {**whole, "status": "in_progress", "output": [], "usage": None}
    told: Events = [("response.created", {"response": started})]
    told += [("response.output_text.delta", delta) for delta in deltas]
    told += [("response.completed", {"response": whole})]
    return [
        (name, {"type": name, "sequence_number": number, **data}) for number, (name, data) in enumerate(told)
    ]


def _message(seen: Seen) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "a fine answer"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": completion_tokens(seen.body)},
    }


def _message_events(seen: Seen) -> Events:
    whole = _message(seen)
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
    deltas = [{"index": 0, "delta": {"type": "text_delta", "text": text}} for text in ("one ", "two ")]
    told: Events = [
        ("message_start", {"message": begun}),
        ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        *(("content_block_delta", delta) for delta in deltas),
        ("content_block_stop", {"index": 0}),
        (
            "message_delta",
            {
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": completion_tokens(seen.body)},
            },
        ),
        ("message_stop", {}),
    ]
    return [(name, {"type": name, **data}) for name, data in told]


_WHOLE: dict[str, Callable[[Seen], dict[str, Any]]] = {
    "/v1/completions": _completion,
    "/v1/embeddings": _embeddings,
    "/v1/responses": _response,
    "/v1/messages": _message,
}
_EVENTS: dict[str, Callable[[Seen], Events]] = {
    "/v1/responses": _response_events,
    "/v1/messages": _message_events,
}


async def everywhere(stub: StubProvider, seen: Seen, writer: asyncio.StreamWriter) -> None:
    """The ordinary answer of whichever endpoint is asked."""
    if seen.path not in _WHOLE:
        await ordinary(stub, seen, writer)
    elif not seen.body.get("stream"):
        writer.write(json_answer(200, _WHOLE[seen.path](seen)))
    elif seen.path in _EVENTS:
        events = (b"event: " + name.encode() + b"\n" + event(data) for name, data in _EVENTS[seen.path](seen))
        writer.write(STREAM_HEAD + b"".join(map(chunked, events)) + b"0\r\n\r\n")
    else:
        whole = _WHOLE[seen.path](seen)
        chunks = (event({**whole, "usage": None}), event({**whole, "choices": []}), event("[DONE]"))
        writer.write(STREAM_HEAD + b"".join(map(chunked, chunks)) + b"0\r\n\r\n")
