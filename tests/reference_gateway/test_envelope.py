import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference_gateway.config_file import Offer
from reference_gateway.content.envelope import read_envelope
from reference_gateway.content.opener import unsealed
from reference_gateway.content.sealed import Sealed
from reference_gateway.ledger.wire import MAX_PROMPT, Endpoint
from reference_gateway.web.faults import Fault, RefusalError
from tests.reference_gateway import asking
from tests.reference_gateway.asking import BILLED, HELLO, LEAST, forwarded, offering, read, read_raw, refusal
from tests.reference_gateway.unhurried import UNHURRIED

MODEL = asking.MODEL

every_endpoint = pytest.mark.parametrize("endpoint", BILLED)


@every_endpoint
def test_the_provider_gets_its_own_name_of_the_model(endpoint: Endpoint) -> None:
    envelope = read(endpoint, {})

    assert forwarded(envelope)["model"] == "vendor/m"
    assert envelope.model is MODEL
    assert envelope.endpoint is endpoint


@every_endpoint
def test_the_prompt_is_bounded_by_the_bytes_that_are_forwarded(endpoint: Endpoint) -> None:
    envelope = read(endpoint, {})

    assert envelope.prompt_bound == len(unsealed(envelope.body)) + asking.OVERHEAD


@every_endpoint
def test_what_the_provider_lacks_is_refused_clearly(endpoint: Endpoint) -> None:
    refused = refusal(endpoint, {}, model=offering(MODEL))

    assert (refused.fault, refused.param) == (Fault.NO_SUCH_OFFER, "model")


@pytest.mark.parametrize("endpoint", [Endpoint.MODELS, Endpoint.OWN_KEY])
def test_an_endpoint_without_a_shape_is_not_forwarded(endpoint: Endpoint) -> None:
    with pytest.raises(RefusalError) as refused:
        read_raw(endpoint, b'{"model":"m"}')
    assert refused.value.fault is Fault.NO_SUCH_OFFER


def test_an_endpoint_is_asked_for_by_its_own_path() -> None:
    assert [read(endpoint, {}).offer for endpoint in BILLED] == list(Offer)


@every_endpoint
def test_an_unknown_model_is_never_free(endpoint: Endpoint) -> None:
    with pytest.raises(RefusalError) as refused:
        read_envelope(endpoint, Sealed(b'{"model":"other"}'), {"m": MODEL}, limited=False)
    assert refused.value.fault is Fault.UNKNOWN_MODEL


@pytest.mark.parametrize("model", [None, 1, [], {}])
def test_a_model_has_a_name(model: Any) -> None:
    assert refusal(Endpoint.CHAT, {"model": model}).fault is Fault.BAD_VALUE


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"model":',
        b"\xff\xfe",
        b'\xef\xbb\xbf{"model":"m"}',
        b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\xed\xa0\x80"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        b'{"model":"m","messages":[{"role":"user","content":"\\udc00\\ud800"}]}',
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"model":"m","messages":[],"temperature":NaN}',
        b'{"model":"m","messages":[],"temperature":1e400}',
        b'{"model":"m","messages":[],"seed":' + b"1" * 5001 + b"}",
        b'{"model":"m"}{"model":"m"}',
    ],
    ids=lambda raw: repr(raw[:40]),
)
@pytest.mark.parametrize("limited", [True, False])
def test_what_is_no_json_object_is_refused(raw: bytes, limited: bool) -> None:
    with pytest.raises(RefusalError) as refused:
        read_raw(Endpoint.CHAT, raw, limited=limited)
    assert refused.value.fault is Fault.NOT_JSON
    assert refused.value.__cause__ is None
    assert refused.value.__context__ is None


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_at_whatever_depth_nesting_becomes_too_much_it_is_refused(opening: bytes, closing: bytes) -> None:
    before = b'{"model":"m","messages":[{"role":"user","content":"a"}],"tool_choice":'
    refused = 0

    for depth in range(1200):
        try:
            read_raw(Endpoint.CHAT, before + opening * depth + b"1" + closing * depth + b"}")
        except RefusalError as refusal:
            assert refusal.fault is Fault.NOT_JSON  # noqa: PT017 - both ends are fine
            refused += 1

    assert 0 < refused < 1200


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775809", "-9223372036854775809"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("1.10", "1.1"),
        ("1e2", "100.0"),
        ("0.1e-7", "1e-8"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("0.1000000000000000055511151231257827", "0.1"),
        ("-0.0", "-0.0"),
    ],
)
def test_numbers_keep_their_value(sent: str, arrives: str) -> None:
    raw = '{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":1,"seed":' + sent + "}"

    body = unsealed(read_raw(Endpoint.CHAT, raw.encode()).body).decode()

    assert body.endswith(f'"seed":{arrives}}}')
    assert float(sent) == float(arrives)


def test_of_a_duplicate_key_the_provider_reads_what_was_checked() -> None:
    raw = (
        b'{"model":"x","model":"m","max_tokens":100000,"max_tokens":3,'
        b'"messages":[{"role":"user","content":[{"type":"image_url","type":"text","text":"a"}]}]}'
    )

    envelope = read_raw(Endpoint.CHAT, raw)

    assert envelope.completion_bound == 3
    assert unsealed(envelope.body).count(b"max_tokens") == 1
    assert b"image_url" not in unsealed(envelope.body)


@every_endpoint
def test_a_prompt_beyond_what_the_ledger_can_hold_is_refused(endpoint: Endpoint) -> None:
    text = "a" * (MAX_PROMPT - 1)
    big = {
        name: json.loads(json.dumps(value).replace("hello", text)) for name, value in LEAST[endpoint].items()
    }

    assert refusal(endpoint, big, limited=False).fault is Fault.BODY_TOO_LARGE


def test_completions_beyond_what_the_ledger_can_hold_are_refused() -> None:
    many = {"prompt": ["a"] * 82, "n": 128, "max_tokens": 100}
    fewer = {**many, "prompt": ["a"] * 81}

    assert refusal(Endpoint.COMPLETIONS, many).fault is Fault.TOO_MANY_TOKENS
    assert read(Endpoint.COMPLETIONS, fewer).completion_bound == 81 * 128 * 100


# --- whatever is sent --------------------------------------------------------------------------------------

NAMES = """
    model messages prompt input system content role type text image_url url detail source
    media_type name tools function n best_of max_tokens max_completion_tokens max_output_tokens
    stream stream_options include_usage store echo suffix thinking budget_tokens cache_control
    background conversation reasoning previous_response_id tool_calls tool_call_id tool_use_id id
    output data service_tier tool_choice stop_sequences input_schema response_format arguments
    call_id parameters
"""
WORDS = """
    m text image image_url input_text input_image output_text message function function_call
    function_call_output tool_use tool_result thinking reasoning item_reference user assistant
    system tool base64 url auto any https://a data:image/png;base64,aa enabled custom json_schema
    json_object {}
"""
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(0, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(WORDS.split()),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES.split()), inner, max_size=4)
    ),
    max_leaves=12,
)


@UNHURRIED
@example(
    endpoint=Endpoint.CHAT, fields={"stream": True, "stream_options": [0]}, limited=True, translated=True
)
@example(endpoint=Endpoint.CHAT, fields={"tools": [0]}, limited=True, translated=True)
@example(
    endpoint=Endpoint.CHAT, fields={"messages": [{"content": [{"type": []}]}]}, limited=True, translated=True
)
@example(
    endpoint=Endpoint.RESPONSES,
    fields={"input": [{"type": {}, "role": "user"}]},
    limited=True,
    translated=True,
)
@example(endpoint=Endpoint.MESSAGES, fields={"tools": [{"type": {}}]}, limited=True, translated=True)
@example(
    endpoint=Endpoint.MESSAGES,
    fields={"system": [{"type": "text", "cache_control": []}]},
    limited=True,
    translated=True,
)
@given(
    endpoint=st.sampled_from(BILLED),
    fields=st.dictionaries(st.sampled_from(NAMES.split()), JSON_VALUES, max_size=5),
    limited=st.booleans(),
    translated=st.booleans(),
)
def test_any_json_is_either_read_or_refused(
    endpoint: Endpoint, fields: dict[str, Any], limited: bool, translated: bool
) -> None:
    model = offering(asking.SIGHTED, Offer.CHAT) if translated and endpoint is Endpoint.MESSAGES else MODEL
    try:
        read(endpoint, fields, limited=limited, model=model)
    except RefusalError as refused:
        assert refused.fault.value.status in {400, 404, 413}  # noqa: PT017 - both ends are fine


@UNHURRIED
@given(raw=st.binary(max_size=60), endpoint=st.sampled_from(BILLED))
def test_any_bytes_are_either_read_or_refused(raw: bytes, endpoint: Endpoint) -> None:
    with pytest.raises(RefusalError):
        read_raw(endpoint, raw)


TEXTS = st.text(max_size=80)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant", "system"]),
            "content": TEXTS
            | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=3),
        }
    ),
    min_size=1,
    max_size=5,
)


@UNHURRIED
@given(messages=MESSAGES, ascii_only=st.booleans())
def test_messages_arrive_unchanged_and_within_the_bound(messages: list[Any], ascii_only: bool) -> None:
    raw = json.dumps({"model": "m", "messages": messages}, ensure_ascii=ascii_only).encode()

    envelope = read_raw(Endpoint.CHAT, raw)

    assert forwarded(envelope)["messages"] == messages
    # A byte-level tokenizer makes at most one token of each byte; a message's frame costs up to five more.
    contents = [message["content"] for message in messages]
    texts = [t for c in contents for t in ([c] if isinstance(c, str) else [part["text"] for part in c])]
    tokens = sum(len(text.encode()) for text in texts) + 5 * len(messages)
    assert tokens <= envelope.prompt_bound - asking.OVERHEAD


def test_the_body_is_shown_as_its_size_only() -> None:
    assert "hello" not in repr(read(Endpoint.CHAT, {"messages": HELLO}))
