"""A request to the Messages API as one for a chat completion."""

import hashlib
from typing import Final

from reference_gateway.content.form import Json
from reference_gateway.content.messages.conversation import conversation
from reference_gateway.content.messages.tools import tools
from reference_gateway.web.faults import Fault, RefusalError

# `top_k` is not OpenAI's, but many who speak its API know it; who does not says so better than silence would.
_SAME: Final = ("model", "max_tokens", "temperature", "top_p", "top_k", "stream")
_KNOWN: Final = frozenset(
    {
        *_SAME,
        "messages",
        "system",
        "stop_sequences",
        "tools",
        "tool_choice",
        "metadata",
        "thinking",
        "output_config",
        "cache_control",
        "service_tier",
    }
)
_OUTPUT: Final = frozenset({"effort", "format"})
_EFFORTS: Final = frozenset({"low", "medium", "high", "xhigh", "max"})
# The budgets that Google's API for OpenAI's clients takes efforts for; what is above them is "high"
# (ai.google.dev/gemini-api/docs/openai).
_BUDGETS: Final = ((1_024, "low"), (8_192, "medium"))
_MAX_USER: Final = 64  # providers refuse longer names, and Anthropic's clients send them


def to_chat(body: Json) -> Json:
    """The request that asks a provider of chat completions for the same. Raises RefusalError."""
    _refuse_unknown(body, _KNOWN)
    output = _object(body, "output_config")
    _refuse_unknown(output, _OUTPUT, "output_config")
    return {
        **{name: body[name] for name in _SAME if body.get(name) is not None},
        "messages": list(conversation(body)),
        **_stop(body),
        **tools(body),
        **_user(body),
        **_effort(body, output),
        **_format(output),
    }


def _refuse_unknown(holder: Json, known: frozenset[str], param: str | None = None) -> None:
    if any(value is not None and name not in known for name, value in holder.items()):
        raise RefusalError(Fault.UNKNOWN_FIELD, param=param)


def _object(body: Json, name: str) -> Json:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusalError(Fault.BAD_VALUE, param=name)
    return value


def _stop(body: Json) -> Json:
    sequences = body.get("stop_sequences")
    if sequences is None:
        return {}
    if not isinstance(sequences, list) or not all(isinstance(text, str) for text in sequences):
        raise RefusalError(Fault.BAD_VALUE, param="stop_sequences")
    return {"stop": sequences} if sequences else {}


def _user(body: Json) -> Json:
    """Who asks. What is too long for a name is named by its hash, which tells users apart as well."""
    name = _object(body, "metadata").get("user_id")
    if name is None:
        return {}
    if not isinstance(name, str):
        raise RefusalError(Fault.BAD_VALUE, param="metadata")
    return {"user": name if len(name) <= _MAX_USER else hashlib.sha256(name.encode()).hexdigest()}


def _effort(body: Json, output: Json) -> Json:
    """How much to think. An effort that is named counts for more than one that a budget implies.

    Thinking that is left to the model, or not wanted, is not mentioned: models that cannot think, and
    those that cannot but, refuse to be told.
    """
    effort = output.get("effort")
    if effort is None:
        effort = _implied_effort(_object(body, "thinking"))
    elif not isinstance(effort, str) or effort not in _EFFORTS:
        raise RefusalError(Fault.BAD_VALUE, param="output_config")
    return {} if effort is None else {"reasoning_effort": effort}


def _implied_effort(thinking: Json) -> str | None:
    match thinking:
        case {"type": "enabled", "budget_tokens": int(budget)} if not isinstance(budget, bool):
            return next((effort for most, effort in _BUDGETS if budget <= most), "high")
        case {"type": "adaptive" | "between_tools" | "disabled"}:
            return None
        case _ if not thinking:
            return None
        case _:
            raise RefusalError(Fault.BAD_VALUE, param="thinking")


def _format(output: Json) -> Json:
    match output.get("format"):
        case None:
            return {}
        case {"type": "json_schema", "schema": dict(schema)}:
            named = {"name": "answer", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case _:
            raise RefusalError(Fault.BAD_VALUE, param="output_config")
