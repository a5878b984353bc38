"""What is asked at each kind of endpoint: bodies that every gateway that serves it must take, a canary in every text."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance.probes.retention.letters import OUTPUT, TEXT, Writer

Body = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """How something is asked: with a directive to the provider, as a stream, with texts of another size."""

    directive: str = ""
    stream: bool = False
    size: int = TEXT
    output: int = OUTPUT


PLAIN = Ask()


def chat(writer: Writer, ask: Ask = PLAIN) -> Body:
    """Messages of every role that all providers know."""
    asked = writer.text("user", ask.size, directive=ask.directive)
    messages = [
        {"role": "system", "content": writer.text("system")},
        {"role": "user", "content": "Good morning."},
        {"role": "assistant", "content": writer.text("assistant")},
        {"role": "user", "content": asked},
    ]
    return _limited(writer, ask, messages=messages)


def completions(writer: Writer, ask: Ask = PLAIN) -> Body:
    """One prompt, as text."""
    return _limited(writer, ask, prompt=writer.text("user", ask.size, directive=ask.directive))


def responses(writer: Writer, ask: Ask = PLAIN) -> Body:
    """An input with instructions."""
    body: Body = {
        "model": writer.model,
        "input": writer.text("user", ask.size, directive=ask.directive),
        "instructions": writer.text("system"),
        "max_output_tokens": ask.output,
    }
    return body | ({"stream": True} if ask.stream else {})


def embeddings(writer: Writer, ask: Ask = PLAIN) -> Body:
    """A text, or a list of two."""
    text = writer.text("user", ask.size, directive=ask.directive)
    return {
        "model": writer.model,
        "input": [text, writer.text("second input")] if writer.number % 2 else text,
    }


def messages(writer: Writer, ask: Ask = PLAIN) -> Body:
    """Messages in Anthropic's shape, with a system text."""
    asked = writer.text("user", ask.size, directive=ask.directive)
    turns = [
        {"role": "user", "content": "Good morning."},
        {"role": "assistant", "content": writer.text("assistant")},
        {"role": "user", "content": asked},
    ]
    return _limited(writer, ask, system=writer.text("system"), messages=turns)


BODIES: Mapping[str, Callable[[Writer, Ask], Body]] = {
    "chat": chat,
    "completions": completions,
    "responses": responses,
    "embeddings": embeddings,
    "messages": messages,
}
STREAMED = ("completions", "responses", "messages")
"""Kinds of endpoint, beside chat, that stream where that is asked for."""


def _limited(writer: Writer, ask: Ask, **more: Any) -> Body:
    body: Body = {"model": writer.model, **more, "max_tokens": ask.output}
    return body | ({"stream": True} if ask.stream else {})
