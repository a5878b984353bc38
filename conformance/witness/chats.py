"""Chat completions and their elder sister, whole and streamed."""

from collections.abc import Iterator
from typing import Any

from conformance.witness.answers import DONE, Piece, event, shreds
from conformance.witness.objects import Json, Said

_LOG = -0.25  # exact in binary, as everything here is that is no whole number


def whole(said: Said) -> Json:
    """The answer to a chat or a completion."""
    chat = said.asked.endpoint == "chat"
    content = {"message": _message(said)} if chat else {"text": said.text}
    choices = [
        {"index": index, **content, "logprobs": _logprobs(said), "finish_reason": _finish(said)}
        for index in range(said.asked.choices)
    ]
    head = said.head("chat.completion", "chatcmpl") if chat else said.head("text_completion", "cmpl")
    return {**head, "choices": choices, **said.used("prompt", "completion")}


def events(said: Said) -> Iterator[Piece]:
    """The same as a stream, choice by choice."""
    for index in range(said.asked.choices):
        yield from _choice(said, index)
    if said.asked.include_usage and said.tells_usage:
        yield event({**_chunk(said), "choices": [], **said.used("prompt", "completion")})
    yield DONE


def _message(said: Said) -> Json:
    message: Json = {"role": "assistant", "content": said.text, "refusal": None}
    if said.refuses:
        message |= {"content": None, "refusal": said.text}
    elif said.asked.tool is not None:
        message |= {"content": None, "tool_calls": [_tool_call(said, said.text)]}
    if said.reasoning:
        message["reasoning_content"] = said.reasoning
    return message


def _tool_call(said: Said, arguments: str) -> Json:
    function = {"name": said.asked.tool, "arguments": arguments}
    return {"id": f"call-{said.number}", "type": "function", "function": function}


def _finish(said: Said) -> str:
    if said.asked.tool is not None and not said.refuses and said.asked.endpoint == "chat":
        return "tool_calls"
    return "length" if said.asked.max_tokens is not None else "stop"


def _logprobs(said: Said) -> Json | None:
    """As each of the two has them: a list of tokens with alternatives, or lists side by side."""
    if said.asked.logprobs is None:
        return None
    tokens = list(said.tokens())
    if said.asked.endpoint == "chat":
        return {
            "content": [
                _token(token, said.alternatives() if not at else ()) for at, token in enumerate(tokens)
            ]
        }
    places = [sum(map(len, tokens[:at])) for at in range(len(tokens))]
    others = [dict.fromkeys(said.alternatives() if not at else (), _LOG * 2) for at in range(len(tokens))]
    probable = [_LOG] * len(tokens)
    return {"tokens": tokens, "token_logprobs": probable, "top_logprobs": others, "text_offset": places}


def _token(token: str, alternatives: tuple[str, ...] = ()) -> Json:
    others = [{"token": other, "logprob": _LOG * 2, "bytes": list(other.encode())} for other in alternatives]
    return {"token": token, "logprob": _LOG, "bytes": list(token.encode()), "top_logprobs": others}


def _chunk(said: Said) -> Json:
    if said.asked.endpoint == "chat":
        return said.head("chat.completion.chunk", "chatcmpl")
    return said.head("text_completion", "cmpl")


def _choice(said: Said, index: int) -> Iterator[Piece]:
    chat = said.asked.endpoint == "chat"

    def chunk(content: Json, finish: str | None = None, logprobs: Any = None) -> Json:
        choice = {"index": index, **content, "logprobs": logprobs, "finish_reason": finish}
        return {**_chunk(said), "choices": [choice]}

    if chat:
        yield event(chunk({"delta": _opening(said)}))
        for shred in shreds(said.reasoning):
            yield event(chunk({"delta": {"reasoning_content": shred}}))
    for at, shred in enumerate(shreds(said.text)):
        alternatives = said.alternatives() if not at else ()
        told = (
            {"content": [_token(shred, alternatives)]} if chat and said.asked.logprobs is not None else None
        )
        yield event(chunk(_delta(said, shred), logprobs=told), shred)
    yield event(chunk({"delta": {}} if chat else {"text": ""}, _finish(said)))


def _opening(said: Said) -> Json:
    if said.asked.tool is None or said.refuses:
        return {"role": "assistant", "content": None if said.refuses else ""}
    return {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **_tool_call(said, "")}]}


def _delta(said: Said, shred: str) -> Json:
    if said.asked.endpoint != "chat":
        return {"text": shred}
    if said.refuses:
        return {"delta": {"refusal": shred}}
    if said.asked.tool is None:
        return {"delta": {"content": shred}}
    return {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": shred}}]}}
