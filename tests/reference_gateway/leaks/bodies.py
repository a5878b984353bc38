"""Requests with a canary in every field that takes a text, for each endpoint.

`limited`: what a key with a spend limit may send. Others may send more, which nothing reads on the way.
"""

import base64
import json
from typing import Any

from tests.reference_gateway.leaks.canaries import Say

Body = dict[str, Any]


def _image(say: Say) -> str:
    return f"data:image/png;base64,{base64.b64encode(say('image').encode()).decode()}"


def _schema(say: Say) -> Body:
    properties = {say("schema property"): {"enum": [say("schema enum")], "description": say("schema text")}}
    return {"type": "object", "title": say("schema title"), "properties": properties}


def _call(say: Say) -> Body:
    arguments = json.dumps({say("argument name"): say("argument value")})
    return {"name": say("called name"), "arguments": arguments}


def chat(say: Say, *, limited: bool) -> Body:
    """`chat/completions`."""
    image = {"type": "image_url", "image_url": {"url": _image(say), "detail": say("image detail")}}
    asked: list[Body] = [{"type": "text", "text": say("user part")}, image]
    if not limited:
        file = {"filename": say("file name"), "file_data": _image(say), "file_id": say("file id")}
        asked.append({"type": "file", "file": file})
    messages = [
        {"role": "system", "content": say("system"), "name": say("system name")},
        {"role": "developer", "content": [{"type": "text", "text": say("developer")}]},
        {"role": "user", "name": say("user name"), "content": asked},
        {
            "role": "assistant",
            "content": say("assistant"),
            "refusal": say("refusal"),
            "reasoning_content": say("reasoning"),
            "tool_calls": [{"id": say("call id"), "type": "function", "function": _call(say)}],
        },
        {"role": "tool", "tool_call_id": say("tool call id"), "content": say("tool result")},
        {"role": "assistant", "content": None, "function_call": _call(say)},
        {"role": "user", "content": say("user")},
    ]
    tool = {"name": say("tool name"), "description": say("tool text"), "parameters": _schema(say)}
    body = {
        "messages": messages,
        "tools": [{"type": "function", "function": tool}],
        "tool_choice": {"type": "function", "function": {"name": say("tool choice")}},
        "functions": [tool],
        "function_call": {"name": say("function choice")},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": say("format name"), "schema": _schema(say)},
        },
        "user": say("user id"),
        "safety_identifier": say("safety id"),
        "prompt_cache_key": say("cache key"),
        "stop": [say("stop")],
        "logit_bias": {say("logit bias"): 1},
        "reasoning_effort": say("effort"),
        "verbosity": say("verbosity"),
        "max_tokens": 5,
    }
    return body if limited else {**body, **_unbilled(say)}


def _unbilled(say: Say) -> Body:
    return {
        "metadata": {say("metadata name"): say("metadata value")},
        "prediction": {"type": "content", "content": say("prediction")},
        say("unknown field"): say("unknown value"),
    }


def completions(say: Say, *, limited: bool) -> Body:
    """`completions`."""
    body = {
        "prompt": [say("prompt"), say("second prompt")],
        "suffix": say("suffix"),
        "user": say("user id"),
        "stop": say("stop"),
        "logit_bias": {say("logit bias"): 1},
        "max_tokens": 5,
    }
    return body if limited else {**body, **_unbilled(say)}


def responses(say: Say, *, limited: bool) -> Body:
    """`responses`."""
    asked: list[Body] = [
        {"type": "input_text", "text": say("user part")},
        {"type": "input_image", "image_url": _image(say), "detail": say("image detail")},
    ]
    if not limited:
        asked.append({"type": "input_file", "filename": say("file name"), "file_data": _image(say)})
    items = [
        {"type": "message", "role": "developer", "content": say("developer"), "id": say("message id")},
        {"type": "message", "role": "user", "content": asked},
        {"type": "function_call", "call_id": say("call id"), "id": say("item id"), **_call(say)},
        {"type": "function_call_output", "call_id": say("call id"), "output": say("tool result")},
        {"type": "reasoning", "summary": [], "encrypted_content": say("encrypted reasoning")},
    ]
    tool = {"type": "function", "name": say("tool name"), "description": say("tool text")}
    body = {
        "instructions": say("instructions"),
        "input": items,
        "tools": [{**tool, "parameters": _schema(say)}],
        "tool_choice": {"type": "function", "name": say("tool choice")},
        "text": {"format": {"type": "json_schema", "name": say("format name"), "schema": _schema(say)}},
        "metadata": {say("metadata name"): say("metadata value")},
        "include": [say("include")],
        "truncation": say("truncation"),
        "prompt_cache_key": say("cache key"),
        "user": say("user id"),
        "safety_identifier": say("safety id"),
        "max_output_tokens": 5,
    }
    return body if limited else {**body, say("unknown field"): say("unknown value")}


def embeddings(say: Say, *, limited: bool) -> Body:
    """`embeddings`."""
    body = {
        "input": [say("input"), say("second input")],
        "user": say("user id"),
        "encoding_format": say("encoding"),
    }
    return body if limited else {**body, say("unknown field"): say("unknown value")}


def translated(say: Say, *, limited: bool) -> Body:
    """`messages`, of which nothing may be unknown to chat completions."""
    del limited
    data = base64.b64encode(say("image").encode()).decode()
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}
    use = {
        "id": say("call id"),
        "name": say("called name"),
        "input": {say("argument"): say("argument value")},
    }
    shown = {"type": "image", "source": {"type": "url", "url": f"https://example.invalid/{say('image URL')}"}}
    results = [{"type": "text", "text": say("tool result")}, shown]
    return {
        "system": [{"type": "text", "text": say("system")}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": say("user part")}, image]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": say("thinking"), "signature": ""},
                    {"type": "text", "text": say("assistant")},
                    {"type": "tool_use", **use},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": say("tool call id"), "content": results}],
            },
        ],
        "tools": [
            {"name": say("tool name"), "description": say("tool text"), "input_schema": _schema(say)},
        ],
        "tool_choice": {"type": "tool", "name": say("tool choice")},
        "stop_sequences": [say("stop")],
        "metadata": {"user_id": say("user id")},
        "output_config": {"format": {"type": "json_schema", "schema": _schema(say)}},
        "max_tokens": 5,
    }


def messages(say: Say, *, limited: bool) -> Body:
    """`messages` as its inventor has it."""
    body = translated(say, limited=limited)
    assistant = body["messages"][1]["content"]
    assistant[0]["signature"] = say("signature")
    assistant.append({"type": "redacted_thinking", "data": say("redacted thinking")})
    if limited:
        return body
    source = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}
    document = {"type": "document", "source": source, "title": say("file name"), "context": say("context")}
    body["messages"][0]["content"].append(document)
    return {**body, say("unknown field"): say("unknown value")}
