"""The turns of a conversation: blocks to messages.

Contents without images are sent as one text, because there are providers that take no other.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

import msgspec

from reference_gateway.content.fields import flag, objects, parts
from reference_gateway.content.form import Json
from reference_gateway.web.faults import Fault, RefusalError

_SEE_BELOW: Final = "(An image follows in the next message.)"
_FAILED: Final = "Error: "

_encoder: Final = msgspec.json.Encoder()


def conversation(body: Json) -> Iterator[Json]:
    """The system's message and those of all turns. Raises RefusalError.

    Turns of the same role in a row are one turn, as Anthropic's API has it: otherwise the results of
    tools could be parted from their calls.
    """
    system = _joined(_text(block, "system") for block in _blocks(body, "system", "system"))
    if system:
        yield {"role": "system", "content": system}
    for role, turns in groupby(objects(body, "messages"), key=_role):
        blocks = [block for turn in turns for block in _blocks(turn, "content", "messages")]
        match role:
            case "assistant":
                yield _assistant(blocks)
            case "user":
                yield from _user(blocks)
            case _:
                yield {"role": "system", "content": _joined(_text(block) for block in blocks)}


def _role(message: Json) -> str:
    role = message.get("role")
    if role not in ("user", "assistant", "system"):
        raise RefusalError(Fault.BAD_VALUE, param="messages")
    return str(role)


def _blocks(holder: Json, name: str, param: str) -> list[Json]:
    content = holder.get(name)
    return [{"type": "text", "text": content}] if isinstance(content, str) else parts(holder, name, param)


def _assistant(blocks: list[Json]) -> Json:
    calls, texts, thoughts = [], [], []
    for block in blocks:
        match block["type"]:
            case "tool_use":
                calls.append(_call(block))
            case "thinking":
                thoughts += _own_thought(block)
            case "redacted_thinking":
                continue  # encrypted: nobody but Anthropic can read it
            case _:
                texts.append(_text(block))
    message: Json = {"role": "assistant", "content": _joined(texts) if texts or not calls else None}
    if calls:
        message["tool_calls"] = calls
    if calls and thoughts:
        # DeepSeek insists on what was thought before a call, and has no use for the rest
        # (api-docs.deepseek.com/guides/thinking_mode).
        message["reasoning_content"] = _joined(thoughts)
    return message


def _own_thought(block: Json) -> list[str]:
    """What a provider of chat completions thought: it is not signed. What Anthropic signed stays there."""
    thought = _string(block, "thinking")
    return [] if block.get("signature") else [thought]


def _call(block: Json) -> Json:
    arguments = block.get("input")
    if not isinstance(arguments, dict):
        raise RefusalError(Fault.BAD_VALUE, param="messages")
    function = {"name": _string(block, "name"), "arguments": _encoded(arguments)}
    return {"id": _string(block, "id"), "type": "function", "function": function}


def _encoded(arguments: Json) -> str:
    try:
        return _encoder.encode(arguments).decode()
    except RecursionError:
        raise RefusalError(Fault.NOT_JSON) from None


def _user(blocks: list[Json]) -> Iterator[Json]:
    """Results come first, because nothing may stand between them and their calls."""
    results = [_result(block) for block in blocks if block["type"] == "tool_result"]
    yield from (result for result, _ in results)
    rest = [image for _, images in results for image in images]
    rest += [_part(block) for block in blocks if block["type"] != "tool_result"]
    if rest or not results:
        yield {"role": "user", "content": _content(rest)}


def _result(block: Json) -> tuple[Json, list[Json]]:
    """The result of a tool, and the images in it: OpenAI takes those from users only."""
    call = _string(block, "tool_use_id")
    inner = [_part(one) for one in _blocks(block, "content", "messages")]
    images = [part for part in inner if part["type"] == "image_url"]
    texts = [part["text"] for part in inner if part["type"] == "text"]
    if images:
        texts.append(_SEE_BELOW)
        images.insert(0, {"type": "text", "text": f"From the result of {call}:"})
    failed = _FAILED if flag(block, "is_error") else ""
    return {"role": "tool", "tool_call_id": call, "content": failed + _joined(texts)}, images


def _part(block: Json) -> Json:
    match block:
        case {"type": "image", "source": {"type": "base64", "media_type": str(media), "data": str(data)}}:
            return {"type": "image_url", "image_url": {"url": f"data:{media};base64,{data}"}}
        case {"type": "image", "source": {"type": "url", "url": str(url)}}:
            return {"type": "image_url", "image_url": {"url": url}}
        case _:
            return {"type": "text", "text": _text(block)}


def _content(content: list[Json]) -> str | list[Json]:
    if any(part["type"] != "text" for part in content):
        return content
    return _joined(part["text"] for part in content)


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text)


def _text(block: Json, param: str = "messages") -> str:
    if block["type"] != "text":
        raise RefusalError(Fault.BAD_VALUE, param=param)
    return _string(block, "text", param)


def _string(block: Json, name: str, param: str = "messages") -> str:
    value = block.get(name)
    if not isinstance(value, str):
        raise RefusalError(Fault.BAD_VALUE, param=param)
    return value
