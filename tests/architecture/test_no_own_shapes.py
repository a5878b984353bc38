"""The suite judges no gateway by the shape of ours: no string of the reference gateway's API stands in it, dialects apart."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.repository import ROOT, files

# What could only come from an API: routes, header names, key prefixes, codes and columns of several words.
_DISTINCTIVE = re.compile(
    r"/[a-z0-9][a-z0-9_./{}-]*|x-[a-z][a-z0-9-]+|[a-z][a-z0-9]*_|[a-z][a-z0-9]*(?:_[a-z0-9]+)+"
)
_COLUMN = re.compile(r"[a-z]+(?:_[a-z]+)+")
_OPENAI = "the OpenAI-compatible API, which gateways and providers of any make speak"
_ANTHROPIC = "Anthropic's API, likewise"
_TARGET_FILE = "keys of our own target file"
_OPENAPI = "where servers put the description of their API, whoever made them"
_PYTHON = "words of the standard library and of Unix"
_ALLOWED = {
    **dict.fromkeys(("/v1", "/chat/completions", "/v1/chat/completions", "/completions"), _OPENAI),
    **dict.fromkeys(("/responses", "/embeddings", "/models", "/v1/models"), _OPENAI),
    **dict.fromkeys(("x-request-id", "created_at", "owned_by", "finish_reason", "output_text"), _OPENAI),
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "max_output_tokens", "encoding_format"), _OPENAI),
    **dict.fromkeys(("prompt_tokens", "total_tokens", "reasoning_content"), _OPENAI),
    **dict.fromkeys(("stream_options", "include_usage"), _OPENAI),
    **dict.fromkeys(("tool_calls", "tool_choice", "parallel_tool_calls"), _OPENAI),
    **dict.fromkeys(("invalid_request_error", "authentication_error"), _OPENAI),
    **dict.fromkeys(("reasoning_effort", "top_logprobs"), _OPENAI),
    **dict.fromkeys(("frequency_penalty", "presence_penalty", "response_format"), _OPENAI),
    **dict.fromkeys(("image_url", "tool_call_id", "json_schema", "top_p"), _OPENAI),
    **dict.fromkeys(("sequence_number", "function_call", "call_id"), _OPENAI),
    **dict.fromkeys(("prompt_cache_key", "safety_identifier"), _OPENAI),
    **dict.fromkeys(("best_of", "cached_tokens"), _OPENAI),
    **dict.fromkeys(("/messages", "input_tokens", "output_tokens", "partial_json"), _ANTHROPIC),
    **dict.fromkeys(("stop_reason", "stop_sequence", "stop_sequences", "end_turn"), _ANTHROPIC),
    **dict.fromkeys(("input_schema", "media_type", "tool_result", "tool_use_id", "user_id"), _ANTHROPIC),
    **dict.fromkeys(("tool_use", "text_delta", "thinking_delta", "input_json_delta"), _ANTHROPIC),
    **dict.fromkeys(("message_start", "message_delta", "message_stop", "request_too_large"), _ANTHROPIC),
    **dict.fromkeys(("content_block_start", "content_block_delta", "content_block_stop"), _ANTHROPIC),
    **dict.fromkeys(
        ("permission_error", "not_found_error", "rate_limit_error", "overloaded_error"), _ANTHROPIC
    ),
    **dict.fromkeys(("api_key",), _TARGET_FILE),
    **dict.fromkeys(("/openapi.json",), _OPENAPI),
    **dict.fromkeys(("store_true", "/dev/null", "/tmp"), _PYTHON),
}
# It starts that very gateway and writes the target file for it; no check sees anything of this.
_DEMO = Path("conformance/commands/demo.py")


def own_shapes() -> frozenset[str]:
    """The distinctive strings of the reference gateway: what its API, its log and its store are made of."""
    found = {text for path in _below("reference_gateway", ".py") for text in _strings(path)}
    columns = {c for path in _below("reference_gateway", ".sql") for c in _COLUMN.findall(path.read_text())}
    return frozenset(text for text in found | columns if _DISTINCTIVE.fullmatch(text))


def test_the_shapes_of_our_gateway_are_known() -> None:
    assert {
        "key_limit_exceeded",
        "rgw_",
        "/api/v1/keys",
        "limit_remaining",
        "x-should-retry",
        "expires_at",
    } <= own_shapes()


def test_no_string_of_our_gateway_stands_in_the_suite() -> None:
    forbidden = own_shapes() - set(_ALLOWED)
    found = {
        (path.relative_to(ROOT).as_posix(), shape)
        for path in _suite()
        for text in _texts(path)
        for shape in shapes_in(text, forbidden)
    }

    assert not found


def test_every_exception_is_still_needed() -> None:
    used = {
        shape for path in _suite() for text in _texts(path) for shape in shapes_in(text, frozenset(_ALLOWED))
    }

    assert used == set(_ALLOWED)
    assert set(_ALLOWED) <= own_shapes()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("code == 'key_limit_exceeded'", {"key_limit_exceeded"}),
        ("my_key_limit_exceeded", set()),
        ("rgw_0123", {"rgw_"}),
        ("GET /api/v1/keys?offset=0", {"/api/v1/keys"}),
        ("/api/v1/keyring", set()),
    ],
)
def test_a_shape_is_found_as_a_word(text: str, found: set[str]) -> None:
    assert shapes_in(text, frozenset({"key_limit_exceeded", "rgw_", "/api/v1/keys"})) == found


def shapes_in(text: str, shapes: frozenset[str]) -> set[str]:
    """Which of some shapes stand in a text as whole words; a prefix, which ends in `_`, before anything."""
    return {shape for shape in shapes if shape in text and re.search(_word(shape), text)}


def _word(shape: str) -> str:
    after = "" if shape.endswith("_") else r"(?![\w-])"
    return rf"(?<![\w-]){re.escape(shape)}{after}"


def _suite() -> tuple[Path, ...]:
    """Every file of the suite that could hold a criterion."""
    places = [path for ending in (".py", ".toml") for path in _below("conformance", ending)]
    return tuple(p for p in places if "dialects" not in p.parts and p != ROOT / _DEMO)


def _below(package: str, ending: str) -> tuple[Path, ...]:
    return tuple(ROOT / path for path in files() if path.parts[0] == package and path.suffix == ending)


def _texts(path: Path) -> Iterator[str]:
    return _strings(path) if path.suffix == ".py" else iter((path.read_text(encoding="utf-8"),))


def _strings(path: Path) -> Iterator[str]:
    """Every string constant of a module but its docstrings, which decide nothing."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            if isinstance(node.value, str):
                yield node.value
            elif isinstance(node.value, bytes):
                yield node.value.decode("latin-1")
