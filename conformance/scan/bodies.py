"""What a gateway may take the digest of where it is given a whole request: the body in the ways in which JSON is written
again, its messages, and what is left when only the words count.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Written = Iterator[tuple[str, str]]  # what it is, and the text


def request_texts(text: str) -> Written:
    """The texts that stand for a request's body, where a text is one: about a dozen, the body as it is first."""
    body = _object(text)
    if body is None:
        return
    yield "the body", text
    yield from _ways("body", body)
    messages = body.get("messages", body.get("input", body.get("prompt")))
    if not isinstance(messages, str):
        yield from _ways("messages", messages)
    said = list(_said(messages))
    instructions = [content for role, content in said if role in {"system", "developer"}]
    asked = [content for role, content in said if role == "user"][-1:]
    yield "the texts by role", "\n".join(f"{role}: {content}" for role, content in said)
    yield "the texts", "\n".join(content for _, content in said)
    yield "the last thing that the user said", "".join(asked)
    yield "the instructions and the last thing that the user said", "\n".join((*instructions, *asked))


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        body = json.loads(text) if text.startswith("{") else None
    except (ValueError, RecursionError):
        return None
    known = isinstance(body, dict) and not body.keys().isdisjoint({"messages", "input", "prompt"})
    return body if known else None


def _ways(what: str, value: object) -> Written:
    """As Python writes JSON, and as JavaScript, Go and most caches do, each also with its names in order."""
    for ordered in (False, True):
        by = ", names in order" if ordered else ""
        yield f"the {what} as JSON{by}", json.dumps(value, sort_keys=ordered)
        compact = json.dumps(value, sort_keys=ordered, separators=(",", ":"), ensure_ascii=False)
        yield f"the {what} as compact JSON{by}", compact


def _said(messages: object) -> Iterator[tuple[str, str]]:
    """Roles and texts; a prompt without roles is the user's."""
    if isinstance(messages, str):
        yield "user", messages
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, str):
            yield "user", message
        elif isinstance(message, dict):
            yield str(message.get("role", "user")), "".join(_contents(message.get("content")))


def _contents(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]
