"""What the answer to a chat or an embedding says, put together from one document or from the events of a stream. Pure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.probes.door import Answer, Reply


@dataclass(slots=True)
class Choice:
    """One choice of an answer. `tools` are its calls by index: name and arguments."""

    text: str = ""
    finish: str | None = None
    tools: dict[int, tuple[str, str]] = field(default_factory=dict)


def answer_text(reply: Reply) -> str:
    """The text of an answer's choices, one after the other; empty where there was no answer."""
    if not isinstance(reply, Answer):
        return ""
    return "".join(choice.text for _, choice in sorted(choices(reply.body).items()))


def choices(body: bytes) -> dict[int, Choice]:
    """The choices of a chat completion by index, plain or streamed (Server-Sent Events, one JSON object per `data:` field)."""
    found: dict[int, Choice] = {}
    for document in _documents(body):
        for place, choice in enumerate(objects(document, "choices")):
            index = choice.get("index")
            _add(found.setdefault(index if isinstance(index, int) else place, Choice()), choice)
    return found


def vectors(body: bytes) -> list[Any]:
    """The embeddings of an answer in their order, as numbers or in base64."""
    return [row.get("embedding") for document in _documents(body) for row in objects(document, "data")]


def objects(document: Any, name: str) -> Iterator[dict[str, Any]]:
    """The objects in a list that an object holds under a name; none where anything is of another type."""
    items = document.get(name) if isinstance(document, dict) else None
    yield from (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


def _add(choice: Choice, piece: dict[str, Any]) -> None:
    said = piece.get("message") or piece.get("delta") or {}
    text = said.get("content") if isinstance(said, dict) else None
    choice.text += text if isinstance(text, str) else ""
    if isinstance(piece.get("finish_reason"), str):
        choice.finish = piece["finish_reason"]
    for place, call in enumerate(objects(said, "tool_calls")):
        index, function = call.get("index"), call.get("function")
        if isinstance(function, dict):
            key = index if isinstance(index, int) else place
            name, arguments = choice.tools.get(key, ("", ""))
            choice.tools[key] = (
                name or _string(function.get("name")),
                arguments + _string(function.get("arguments")),
            )


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _documents(body: bytes) -> Iterator[Any]:
    whole = _json(body)
    if isinstance(whole, dict):
        yield whole
        return
    for line in body.splitlines():
        if line.startswith(b"data:"):
            yield _json(line.removeprefix(b"data:"))


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):  # not JSON, `[DONE]`, or nested to break its reader
        return None
