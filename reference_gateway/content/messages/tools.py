"""The tools that a model may call, and whether it must."""

from typing import Final

from reference_gateway.content.fields import flag, objects
from reference_gateway.content.form import Json
from reference_gateway.web.faults import Fault, RefusalError

_CHOICES: Final = {"auto": "auto", "any": "required", "none": "none"}


def tools(body: Json) -> Json:
    """The fields of a chat completion that say so. Raises RefusalError."""
    said: Json = {}
    functions = [_function(tool) for tool in objects(body, "tools")]
    if functions:
        said["tools"] = functions
    choice = body.get("tool_choice")
    if choice is not None:
        said["tool_choice"] = _choice(choice)
        if flag(choice, "disable_parallel_tool_use"):
            said["parallel_tool_calls"] = False
    return said


def _function(tool: Json) -> Json:
    """Tools of other types are Anthropic's: some run there, and all are described there."""
    match tool:
        case {"name": str(name), "input_schema": dict(schema)} if tool.get("type") in (None, "custom"):
            function: Json = {"name": name, "parameters": schema}
        case _:
            raise RefusalError(Fault.BAD_VALUE, param="tools")
    description = tool.get("description")
    if not isinstance(description, str | None):
        raise RefusalError(Fault.BAD_VALUE, param="tools")
    if description is not None:
        function["description"] = description
    if flag(tool, "strict"):
        function["strict"] = True
    return {"type": "function", "function": function}


def _choice(choice: object) -> str | Json:
    match choice:
        case {"type": "tool", "name": str(name)}:
            return {"type": "function", "function": {"name": name}}
        case {"type": str(kind)} if kind in _CHOICES:
            return _CHOICES[kind]
        case _:
            raise RefusalError(Fault.BAD_VALUE, param="tool_choice")
