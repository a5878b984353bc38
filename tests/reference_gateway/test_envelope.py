import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference_gateway.config import Model, Provider
from reference_gateway.content.envelope import Envelope, read_envelope
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway.unhurried import UNHURRIED

MODEL = Model(
    name="m",
    number=1,
    provider=Provider(name="p", base_url="https://p/v1", ca_file=Path("ca"), minimum_tls="1.3", api_key="k"),
    upstream_name="vendor/m",
    prompt_price=1,
    completion_price=1,
    max_output_tokens=100,
    prompt_overhead_tokens=10,
)
HELLO = [{"role": "user", "content": "hello"}]


def read(body: Any, *, limited: bool = True) -> Envelope:
    raw = body if isinstance(body, bytes) else json.dumps({"model": "m", "messages": HELLO, **body}).encode()
    return read_envelope(Sealed(raw), {"m": MODEL}, limited=limited)


def status_of(body: bytes, *, limited: bool) -> int:
    try:
        read(body, limited=limited)
    except RefusalError as refused:
        return refused.fault.value.status
    return 200


def forwarded(envelope: Envelope) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(unsealed(envelope.body))
    return body


def test_the_provider_gets_its_own_model_name_and_a_bound_on_its_answer() -> None:
    assert forwarded(read({})) == {"model": "vendor/m", "messages": HELLO, "max_tokens": 100}


def test_a_key_without_a_limit_gets_no_bound_imposed() -> None:
    assert "max_tokens" not in forwarded(read({}, limited=False))


def test_a_stream_always_asks_the_provider_for_usage() -> None:
    envelope = read({"stream": True, "stream_options": {"include_usage": False}})

    assert forwarded(envelope)["stream_options"] == {"include_usage": True}
    assert not envelope.asked_usage


@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        ({}, 100),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
        ({"max_tokens": 6, "max_completion_tokens": 5, "n": 3}, 18),
        ({"n": 128}, 12_800),
    ],
)
def test_the_completion_is_bounded_by_all_that_multiplies_it(fields: dict[str, Any], bound: int) -> None:
    assert read(fields).completion_bound == bound


def test_the_prompt_is_bounded_by_the_bytes_that_are_forwarded() -> None:
    envelope = read({})

    assert envelope.prompt_bound == len(unsealed(envelope.body)) + 10


@pytest.mark.parametrize("limited", [True, False])
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "n"])
@pytest.mark.parametrize("value", [0, -1, 1.0, 1.5, True, "5", [], 10**30, 101 * 10**6])
def test_counts_are_positive_integers_in_bounds(name: str, value: Any, limited: bool) -> None:
    with pytest.raises(RefusalError) as refused:
        read({name: value}, limited=limited)
    assert refused.value.fault.value.status == 400
    assert refused.value.param == name


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"model":',
        b"\xff\xfe",
        b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"model":"m","messages":[],"temperature":NaN}',
        b'{"model":"m","messages":[],"temperature":1e999}',
    ],
)
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(RefusalError) as refused:
        read(raw)
    assert refused.value.fault is Fault.NOT_JSON
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("messages", [None, [], {}, "hello", ["hello"], [{"role": "user", "content": 5}]])
def test_messages_are_a_list_of_objects(messages: Any) -> None:
    with pytest.raises(RefusalError) as refused:
        read({"messages": messages})
    assert refused.value.fault is Fault.BAD_VALUE


def test_of_a_duplicate_key_the_provider_reads_what_was_checked() -> None:
    raw = (
        b'{"model":"x","model":"m","max_tokens":100000,"max_tokens":3,'
        b'"messages":[{"role":"user","content":[{"type":"image_url","type":"text","text":"a"}]}]}'
    )

    envelope = read(raw)

    assert envelope.completion_bound == 3
    assert unsealed(envelope.body).count(b"max_tokens") == 1
    assert b"image_url" not in unsealed(envelope.body)


@pytest.mark.parametrize("kind", ["image_url", "input_audio", "file", None, [], {}, 1])
@pytest.mark.parametrize("limited", [True, False])
def test_parts_that_are_not_text_are_refused(kind: object, limited: bool) -> None:
    with pytest.raises(RefusalError) as refused:
        read({"messages": [{"role": "user", "content": [{"type": kind}]}]}, limited=limited)
    assert refused.value.fault is Fault.UNSUPPORTED_PART


UNBILLABLE: list[dict[str, Any]] = [
    {"service_tier": "priority"},
    {"prediction": {"type": "content", "content": "x"}},
    {"web_search_options": {}},
    {"plugins": []},
    {"models": ["m", "other"]},
    {"modalities": ["audio"]},
    {"tools": [{"type": "web_search"}]},
    {"tools": [{"type": "function", "function": {}, "cache_control": {}}]},
    {"stream": True, "stream_options": {"other": 1}},
    {"messages": [{"role": "assistant", "audio": {"id": "a"}}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {}}]}]},
]


@pytest.mark.parametrize("fields", UNBILLABLE, ids=str)
def test_a_limited_key_may_not_send_what_has_no_bounded_cost(fields: dict[str, Any]) -> None:
    with pytest.raises(RefusalError) as refused:
        read(fields)
    assert refused.value.fault is Fault.UNBILLABLE_FIELD


@pytest.mark.parametrize("fields", UNBILLABLE, ids=str)
def test_a_key_without_a_limit_may(fields: dict[str, Any]) -> None:
    envelope = read(fields, limited=False)

    assert fields.keys() <= forwarded(envelope).keys()


def test_tools_and_tool_answers_pass() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        *HELLO,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "a"}]},
    ]

    assert forwarded(read({"messages": messages, "tools": [tool]}))["tools"] == [tool]


@pytest.mark.parametrize("store", [True, 1, 0, "yes"])
def test_storing_at_the_provider_is_refused(store: Any) -> None:
    with pytest.raises(RefusalError) as refused:
        read({"store": store}, limited=False)
    assert refused.value.fault is Fault.STORED


def test_an_unknown_model_is_never_free() -> None:
    with pytest.raises(RefusalError) as refused:
        read_envelope(Sealed(b'{"model":"other"}'), {"m": replace(MODEL)}, limited=False)
    assert refused.value.fault is Fault.UNKNOWN_MODEL


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@UNHURRIED
@example(fields={"stream": True, "stream_options": [0]}, limited=True)
@example(fields={"tools": [0]}, limited=True)
@example(fields={"model": []}, limited=True)
@given(
    fields=st.dictionaries(
        st.sampled_from(
            ["model", "messages", "n", "max_tokens", "stream", "stream_options", "tools", "store", "user"]
        ),
        JSON_VALUES,
    ),
    limited=st.booleans(),
)
def test_any_json_is_either_read_or_refused(fields: dict[str, Any], limited: bool) -> None:
    body = json.dumps({"model": "m", "messages": HELLO, **fields}).encode()

    assert status_of(body, limited=limited) in {200, 400, 404}
