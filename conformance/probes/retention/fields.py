"""Fields that a gateway may refuse or strip, each with a canary in requests of its own: kept or not, they are searched for."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from conformance.canary.media import data_url, jpeg, pdf, png, wav
from conformance.probes.retention.letters import Writer

Filled = dict[str, Any]
Fill = Callable[[Writer, Filled], object]
"""Puts canaries of its own into a body that is right without them, or into headers and query."""

_COPIES = 3


def _put(name: str, of: str) -> Fill:
    def fill(writer: Writer, body: Filled) -> None:
        body[name] = writer.text(of)

    return fill


def _before(role: str, of: str) -> Fill:
    def fill(writer: Writer, body: Filled) -> None:
        body["messages"].insert(0, {"role": role, "content": writer.text(of)})

    return fill


def _function(name: str, description: str, parameter: str, value: str) -> dict[str, Any]:
    parameters = {
        "type": "object",
        "properties": {parameter: {"type": "string", "enum": [value], "description": description}},
    }
    return {"name": name, "description": description, "parameters": parameters}


def _tools(writer: Writer, body: Filled) -> None:
    function = _function(
        f"look_{writer.atom('tool name').lower()}",
        writer.text("tool description"),
        f"place_{writer.atom('tool parameter').lower()}",
        writer.text("tool enum"),
    )
    body["tools"] = [{"type": "function", "function": function}]


def _flat_tools(writer: Writer, body: Filled) -> None:
    """As the responses endpoint takes them."""
    _tools(writer, body)
    body["tools"] = [{"type": "function", **body["tools"][0]["function"]}]


def _messages_tools(writer: Writer, body: Filled) -> None:
    """As Anthropic's endpoint takes them."""
    _tools(writer, body)
    function = body["tools"][0]["function"]
    body["tools"] = [
        {
            "name": function["name"],
            "description": function["description"],
            "input_schema": function["parameters"],
        }
    ]


def _tool_use(writer: Writer, body: Filled) -> None:
    """A tool that was called, and what it returned."""
    argument, result = json.dumps({"place": writer.text("tool argument")}), writer.text("tool result")
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": argument}}
    body["tools"] = [{"type": "function", "function": _function("look", "looks", "place", "here")}]
    body["messages"] += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": result},
    ]


def _messages_tool_use(writer: Writer, body: Filled) -> None:
    argument, result = writer.text("tool argument"), writer.text("tool result")
    schema = _function("look", "looks", "place", "here")["parameters"]
    body["tools"] = [{"name": "look", "description": "looks", "input_schema": schema}]
    body["messages"] += [
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"place": argument}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": result}],
        },
    ]


def _name(writer: Writer, body: Filled) -> None:
    body["messages"][-1]["name"] = writer.atom("participant name").lower()


def _parts(writer: Writer, body: Filled) -> None:
    """The last message as two parts of text."""
    message = body["messages"][-1]
    more = {"type": "text", "text": writer.text("text part")}
    message["content"] = [{"type": "text", "text": message["content"]}, more]


def _reasoning(writer: Writer, body: Filled) -> None:
    body["messages"][2]["reasoning_content"] = writer.text("reasoning")


def _schema(writer: Writer, body: Filled) -> None:
    schema = _function("answer", writer.text("schema description"), "place", writer.text("schema enum"))
    body["response_format"] = {
        "type": "json_schema",
        "json_schema": {"name": "answer", "schema": schema["parameters"]},
    }


def _prediction(writer: Writer, body: Filled) -> None:
    body["prediction"] = {"type": "content", "content": writer.text("prediction")}


def _metadata(writer: Writer, body: Filled) -> None:
    body["metadata"] = {f"note_{writer.atom('metadata').lower()}": "1", "note": writer.text("metadata")}


def _seed(writer: Writer, body: Filled) -> None:
    """A number beside the canary that it stands for."""
    atom = writer.atom("seed")
    body |= {"seed": writer.session.mint.number(atom), "user": atom}


def _stop(writer: Writer, body: Filled) -> None:
    body["stop"] = [writer.atom("stop")]


def _copies(writer: Writer, of: str) -> list[str]:
    atom = writer.atom(of)
    return [writer.session.mint.repeat(atom, copy) for copy in range(_COPIES)]


def _media(of: str, make: Callable[[list[str]], bytes], kind: str) -> Callable[[Writer], str]:
    return lambda writer: writer.encoded(of, data_url(kind, make(_copies(writer, of))))


_PNG, _JPEG = _media("image", png, "png"), _media("photograph", jpeg, "jpeg")
_WAV, _PDF = _media("sound", wav, "wav"), _media("document", pdf, "pdf")


def _part(make: Callable[[Writer], dict[str, Any]]) -> Fill:
    """Puts a part beside the text of the last message."""

    def fill(writer: Writer, body: Filled) -> None:
        message = body["messages"][-1]
        message["content"] = [{"type": "text", "text": message["content"]}, make(writer)]

    return fill


def _image(url: Callable[[Writer], str]) -> Fill:
    return _part(lambda writer: {"type": "image_url", "image_url": {"url": url(writer)}})


def _bare(url: str) -> str:
    return url.partition(",")[2]


def _sound(writer: Writer) -> dict[str, Any]:
    data = writer.encoded("sound", _bare(_WAV(writer)))
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def _document(writer: Writer) -> dict[str, Any]:
    name = f"{writer.atom('file name').lower()}.pdf"
    return {"type": "file", "file": {"filename": name, "file_data": _PDF(writer)}}


def _messages_image(writer: Writer) -> dict[str, Any]:
    data = writer.encoded("image", _bare(_PNG(writer)))
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def _header(name: str, of: str, form: str = "{atom}") -> Fill:
    def fill(writer: Writer, body: Filled) -> None:
        writer.headers[name] = form.replace("{atom}", writer.atom(of))

    return fill


def _trace(writer: Writer, body: Filled) -> None:
    """Baggage of a trace (W3C Baggage), beside a trace context that a tracer joins."""
    number = writer.number + 1
    writer.headers["traceparent"] = f"00-{number:032x}-{number:016x}-01"
    writer.headers["baggage"] = f"note={writer.atom('baggage header')}"


def _query(writer: Writer, body: Filled) -> None:
    writer.query["note"] = writer.atom("query")


_ANYWHERE: Mapping[str, Fill] = {
    "header": _header("x-request-note", "header"),
    "user agent": _header("user-agent", "user agent", "client/1.0 ({atom})"),
    "referer": _header("referer", "header", "https://example.org/{atom}"),
    "title": _header("x-title", "header"),
    "request id": _header("x-request-id", "request id header"),
    "trace": _trace,
    "query": _query,
}

_CHAT: Mapping[str, Fill] = {
    "developer": _before("developer", "developer"),
    "tools": _tools,
    "tool use": _tool_use,
    "name": _name,
    "text parts": _parts,
    "reasoning": _reasoning,
    "schema": _schema,
    "prediction": _prediction,
    "user": _put("user", "user id"),
    "metadata": _metadata,
    "safety identifier": _put("safety_identifier", "safety id"),
    "cache key": _put("prompt_cache_key", "cache key"),
    "seed": _seed,
    "stop": _stop,
    "image": _image(_PNG),
    "photograph": _image(_JPEG),
    "sound": _part(_sound),
    "document": _part(_document),
}

FIELDS: Mapping[str, Mapping[str, Fill]] = {
    "chat": {**_CHAT, **_ANYWHERE},
    "completions": {
        "suffix": _put("suffix", "suffix"),
        "user": _put("user", "user id"),
        "seed": _seed,
        "stop": _stop,
        "query": _query,
    },
    "responses": {
        "tools": _flat_tools,
        "user": _put("user", "user id"),
        "metadata": _metadata,
        "cache key": _put("prompt_cache_key", "cache key"),
        "query": _query,
    },
    "embeddings": {"user": _put("user", "user id"), "query": _query},
    "messages": {
        "tools": _messages_tools,
        "tool use": _messages_tool_use,
        "image": _part(_messages_image),
        "user": lambda writer, body: body.update({"metadata": {"user_id": writer.atom("user id")}}),
        "stop": lambda writer, body: body.update({"stop_sequences": [writer.atom("stop")]}),
        "query": _query,
    },
}
"""By kind of endpoint: what is filled in, by what it is called."""
