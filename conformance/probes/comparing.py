"""Comparing what was sent with what arrived: JSON values by what they mean, not by how they are written. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from conformance.probes.assembled import Choice, choices, objects, vectors
from conformance.witness.asked import strings

Came = Literal["unchanged", "changed", "missing", "added to"]
# The same bound under the names that it has in the various APIs.
_ALIASES = {"max_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens")}
_NOTHING: tuple[object, ...] = (None, False, "", [], {})


def same(sent: Any, got: Any) -> bool:
    """Whether two JSON values mean the same: 1 and 1.0 do, true and 1 do not; a member without a value may be added."""
    if isinstance(sent, bool) or isinstance(got, bool):
        return sent is got
    if isinstance(sent, Mapping) and isinstance(got, Mapping):
        more = (value for name, value in got.items() if name not in sent)
        return all(same(value, got.get(name)) for name, value in sent.items()) and all(
            value in _NOTHING for value in more
        )
    if isinstance(sent, list | tuple) and isinstance(got, list | tuple):
        return len(sent) == len(got) and all(map(same, sent, got))
    if isinstance(sent, list | tuple) and len(sent) == 1:
        return same(sent[0], got)  # one stop sequence may be written as a string
    return bool(sent == got)


def parameter(name: str, sent: Any, document: Mapping[str, Any]) -> Came:
    """How a field of the request came through to the provider's request of the same API."""
    found = [document[alias] for alias in _ALIASES.get(name, (name,)) if document.get(alias) is not None]
    if not found:
        return "missing"
    return "unchanged" if any(same(sent, value) for value in found) else "changed"


def parameter_elsewhere(name: str, sent: Any, document: Mapping[str, Any]) -> Came | None:
    """Likewise to a request of another API, which writes it elsewhere, or has no such thing; None where that cannot be told.

    Of tools the texts are looked for, wherever they stand: names, descriptions, what their schemas allow.
    """
    if name in _ALIASES:
        return parameter(name, sent, document)
    words = {text for text in strings(sent) if len(text) >= _TELLING} if name == "tools" else ()
    return _contained(words, document) if words else None


_TELLING = 12  # shorter texts, such as "function", stand in any request


def texts(sent: Sequence[str], got: Sequence[str]) -> Came:
    """How the texts of messages came through: all of them in their order, no others."""
    if list(sent) == list(got):
        return "unchanged"
    if all(any(text in one for one in got) for text in sent):
        return "added to"
    return "changed" if got else "missing"


def _contained(words: Iterable[str], document: Any) -> Came:
    there = list(strings(document))
    held = [any(word in one for one in there) for word in words]
    return "unchanged" if all(held) else "changed" if any(held) else "missing"


def texts_elsewhere(sent: Iterable[str], document: Any) -> Came:
    """How texts came through to a request of another API: each of them stands in it somewhere."""
    return _contained([text for text in sent if text], document)


def message_texts(messages: Any) -> list[str]:
    """The texts of messages in order, whether they are written as strings or as parts."""
    found: list[str] = []
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, Mapping) else None
        parts = content if isinstance(content, list) else [content]
        told = (part.get("text") if isinstance(part, Mapping) else part for part in parts)
        found += [text for text in told if isinstance(text, str) and text]
    return found


def earlier_calls(document: Any) -> list[tuple[str, Any]]:
    """The tool calls in a chat's messages: names, and arguments as the JSON that they are."""
    return [
        (str(function.get("name")), _json(function.get("arguments")))
        for message in objects(document, "messages")
        for call in objects(message, "tool_calls")
        if isinstance(function := call.get("function"), dict)
    ]


def answers(sent: bytes, got: bytes) -> dict[str, Came]:
    """How an answer came back, by part: as the provider sent it, and as the caller got it. What was not sent is left out."""
    ours, theirs = choices(sent), choices(got)
    parts: dict[str, tuple[Any, Any]] = {
        "answer texts": (_of(ours, lambda c: c.text), _of(theirs, lambda c: c.text)),
        "tool calls": (_of(ours, _calls), _of(theirs, _calls)),
        "finish reasons": (_of(ours, lambda c: c.finish), _of(theirs, lambda c: c.finish)),
        "vectors": (vectors(sent), vectors(got)),
    }
    return {name: _came(one, other) for name, (one, other) in parts.items() if one}


def _of(found: Mapping[int, Choice], part: Any) -> dict[int, Any]:
    return {index: value for index, choice in found.items() if (value := part(choice))}


def _calls(choice: Choice) -> list[tuple[str, Any]]:
    return [(name, _json(arguments)) for _, (name, arguments) in sorted(choice.tools.items())]


def _came(sent: Any, got: Any) -> Came:
    if same(sent, got):
        return "unchanged"
    return "changed" if got else "missing"


def _json(text: Any) -> Any:
    """Arguments are JSON in a string: how that is spaced is nobody's business."""
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return text
