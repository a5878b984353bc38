"""Responses, whole and as a stream of typed events (OpenAI API reference, "Responses", "Streaming events")."""

from collections.abc import Iterator
from itertools import count

from conformance.witness.answers import Piece, shreds, typed_event
from conformance.witness.objects import Json, Said

_Event = tuple[str, Json, str]  # type, content, and the completion text in it


def whole(said: Said) -> Json:
    """The answer to a request for a response."""
    return _response(said, "completed", [item for item in (_reasoning(said), _item(said)) if item])


def events(said: Said) -> Iterator[Piece]:
    """The same as a stream. It has no closing mark: the last event tells the whole again."""
    for number, (kind, content, text) in zip(count(), _events(said), strict=False):
        yield typed_event(f"response.{kind}", {"sequence_number": number, **content}, text)


def _response(said: Said, status: str, output: list[Json]) -> Json:
    head = said.head("response", "resp")
    return {
        **head,
        "created_at": head["created"],
        "status": status,
        "output": output,
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        **(said.used("input", "output") if status == "completed" else {}),
    }


def _reasoning(said: Said) -> Json:
    if not said.reasoning:
        return {}
    return {"id": f"rs-{said.number}", "type": "reasoning", "summary": [_summary(said.reasoning)]}


def _summary(text: str) -> Json:
    return {"type": "summary_text", "text": text}


def _item(said: Said) -> Json:
    if _calls(said):
        return _call(said, said.text, "completed")
    return _message(said, [_part(said, said.text)], "completed")


def _calls(said: Said) -> bool:
    return said.asked.tool is not None and not said.refuses


def _call(said: Said, arguments: str, status: str) -> Json:
    return {
        "id": f"fc-{said.number}",
        "type": "function_call",
        "call_id": f"call-{said.number}",
        "name": said.asked.tool,
        "arguments": arguments,
        "status": status,
    }


def _message(said: Said, content: list[Json], status: str) -> Json:
    return {
        "id": f"msg-{said.number}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": content,
    }


def _part(said: Said, text: str) -> Json:
    if said.refuses:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": []}


def _events(said: Said) -> Iterator[_Event]:
    begun = {"response": _response(said, "in_progress", [])}
    yield "created", begun, ""
    yield "in_progress", begun, ""
    if said.reasoning:
        yield from _reasoning_events(said)
    yield from _call_events(said) if _calls(said) else _message_events(said)
    yield "completed", {"response": whole(said)}, ""


def _reasoning_events(said: Said) -> Iterator[_Event]:
    item = _reasoning(said)
    place = {"item_id": item["id"], "output_index": 0, "summary_index": 0}
    yield "output_item.added", {"output_index": 0, "item": {**item, "summary": []}}, ""
    yield "reasoning_summary_part.added", {**place, "part": _summary("")}, ""
    for shred in shreds(said.reasoning):
        yield "reasoning_summary_text.delta", {**place, "delta": shred}, ""
    yield "reasoning_summary_text.done", {**place, "text": said.reasoning}, ""
    yield "reasoning_summary_part.done", {**place, "part": _summary(said.reasoning)}, ""
    yield "output_item.done", {"output_index": 0, "item": item}, ""


def _call_events(said: Said) -> Iterator[_Event]:
    at, item = _at(said), _item(said)
    place = {"item_id": item["id"], **at}
    yield "output_item.added", {**at, "item": _call(said, "", "in_progress")}, ""
    for shred in shreds(said.text):
        yield "function_call_arguments.delta", {**place, "delta": shred}, shred
    yield "function_call_arguments.done", {**place, "name": said.asked.tool, "arguments": said.text}, ""
    yield "output_item.done", {**at, "item": item}, ""


def _message_events(said: Said) -> Iterator[_Event]:
    at, item = _at(said), _item(said)
    place = {"item_id": item["id"], **at, "content_index": 0}
    kind, name = ("refusal", "refusal") if said.refuses else ("output_text", "text")
    yield "output_item.added", {**at, "item": _message(said, [], "in_progress")}, ""
    yield "content_part.added", {**place, "part": _part(said, "")}, ""
    for shred in shreds(said.text):
        yield f"{kind}.delta", {**place, "delta": shred}, shred
    yield f"{kind}.done", {**place, name: said.text}, ""
    yield "content_part.done", {**place, "part": _part(said, said.text)}, ""
    yield "output_item.done", {**at, "item": item}, ""


def _at(said: Said) -> Json:
    return {"output_index": 1 if said.reasoning else 0}
