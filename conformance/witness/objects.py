"""The objects of each endpoint: what a good answer looks like. The call's number is the only seed."""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conformance.witness.answers import (
    CREATED,
    Answer,
    Piece,
    completion,
    event,
    plain,
    shreds,
    stream,
    usage_of,
)
from conformance.witness.asked import Asked
from conformance.witness.ledger import Usage

_DIMENSIONS = 8

Json = dict[str, Any]


class Composer:
    """Composes the good answer to one inference request."""

    def __init__(self, number: int, asked: Asked, atom: str, *, tells_usage: bool) -> None:
        """`tells_usage` is False for a provider that forgets to say what was used."""
        text, tokens = completion(asked, atom)
        self._number = number
        self._asked = asked
        self._text = text if asked.tool is None else json.dumps({"text": text})
        self._usage = usage_of(asked, tokens)
        self._tells_usage = tells_usage
        self._length_bound = asked.max_tokens is not None

    def answer(self) -> Answer:
        """The answer that the request's endpoint gives."""
        if self._asked.stream:
            return stream(self._events(), self._usage)
        if self._asked.endpoint == "embeddings":
            usage = replace(self._usage, completion=0)
            return plain(200, self._embeddings(usage), usage=usage)
        compose = {
            "chat": self._chat,
            "completions": self._chat,
            "responses": self._response,
            "messages": self._message,
        }
        return plain(200, compose[self._asked.endpoint](), usage=self._usage, text=self._text)

    def _head(self, kind: str, prefix: str) -> Json:
        model = self._asked.model or "witness-1"
        return {"id": f"{prefix}-{self._number}", "object": kind, "created": CREATED, "model": model}

    def _used(self, usage: Usage, prompt: str = "prompt", generated: str = "completion") -> Json:
        if not self._tells_usage:
            return {}
        tokens = {f"{prompt}_tokens": usage.prompt, f"{generated}_tokens": usage.completion}
        return {"usage": {**tokens, "total_tokens": usage.prompt + usage.completion}}

    def _finish(self) -> str:
        if self._asked.tool is not None:
            return "tool_calls"
        return "length" if self._length_bound else "stop"

    # Chat completions and their elder sister, whole and streamed.

    def _chat(self) -> Json:
        chat = self._asked.endpoint == "chat"
        said = {"message": self._said()} if chat else {"text": self._text}
        choices = [
            {"index": index, **said, "logprobs": None, "finish_reason": self._finish()}
            for index in range(self._asked.choices)
        ]
        head = self._head("chat.completion", "chatcmpl") if chat else self._head("text_completion", "cmpl")
        return {**head, "choices": choices, **self._used(self._usage)}

    def _said(self) -> Json:
        message: Json = {"role": "assistant", "content": self._text, "refusal": None}
        if self._asked.tool is not None:
            message |= {"content": None, "tool_calls": [self._tool_call(self._text)]}
        return message

    def _tool_call(self, arguments: str) -> Json:
        function = {"name": self._asked.tool, "arguments": arguments}
        return {"id": f"call-{self._number}", "type": "function", "function": function}

    def _events(self) -> Iterator[Piece]:
        for index in range(self._asked.choices):
            yield from self._choice(index)
        if self._asked.include_usage and self._tells_usage:
            yield event({**self._chunk(), "choices": [], **self._used(self._usage)})

    def _chunk(self) -> Json:
        if self._asked.endpoint == "chat":
            return self._head("chat.completion.chunk", "chatcmpl")
        return self._head("text_completion", "cmpl")

    def _choice(self, index: int) -> Iterator[Piece]:
        def chunk(said: Json, finish: str | None = None) -> Json:
            return {
                **self._chunk(),
                "choices": [{"index": index, **said, "logprobs": None, "finish_reason": finish}],
            }

        if self._asked.endpoint == "chat":
            yield event(chunk({"delta": self._opening()}))
        for shred in shreds(self._text):
            yield event(chunk(self._delta(shred)), shred)
        yield event(chunk({"delta": {}} if self._asked.endpoint == "chat" else {"text": ""}, self._finish()))

    def _opening(self) -> Json:
        if self._asked.tool is None:
            return {"role": "assistant", "content": ""}
        return {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **self._tool_call("")}]}

    def _delta(self, shred: str) -> Json:
        if self._asked.endpoint != "chat":
            return {"text": shred}
        if self._asked.tool is None:
            return {"delta": {"content": shred}}
        return {"delta": {"tool_calls": [{"index": 0, "function": {"arguments": shred}}]}}

    # The other endpoints, whole only.

    def _embeddings(self, usage: Usage) -> Json:
        data = [
            {"object": "embedding", "index": index, "embedding": self._vector(index)}
            for index in range(self._asked.inputs)
        ]
        model = self._asked.model or "witness-1"
        told = (
            {"usage": {"prompt_tokens": usage.prompt, "total_tokens": usage.prompt}}
            if self._tells_usage
            else {}
        )
        return {"object": "list", "data": data, "model": model, **told}

    def _vector(self, index: int) -> list[float] | str:
        # Sixteenths are exact in binary, so the numbers survive every client's rounding.
        vector = [((self._number * 7 + index * 5 + at * 3) % 17 - 8) / 16 for at in range(_DIMENSIONS)]
        if not self._asked.base64:
            return vector
        return base64.b64encode(struct.pack(f"<{_DIMENSIONS}f", *vector)).decode("ascii")

    def _response(self) -> Json:
        part = {"type": "output_text", "text": self._text, "annotations": []}
        message = {
            "id": f"msg-{self._number}",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }
        head = self._head("response", "resp")
        return {
            **head,
            "created_at": head["created"],
            "status": "completed",
            "output": [message],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            **self._used(self._usage, "input", "output"),
        }

    def _message(self) -> Json:
        usage = {"input_tokens": self._usage.prompt, "output_tokens": self._usage.completion}
        return {
            "id": f"msg-{self._number}",
            "type": "message",
            "role": "assistant",
            "model": self._asked.model or "witness-1",
            "content": [{"type": "text", "text": self._text}],
            "stop_reason": "max_tokens" if self._length_bound else "end_turn",
            "stop_sequence": None,
            **({"usage": usage} if self._tells_usage else {}),
        }
