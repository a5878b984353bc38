"""The arithmetic of the witness's ledger."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.witness.ledger import (
    NOTHING,
    Endpoint,
    Outcome,
    Usage,
    WitnessCall,
    bill,
    endpoint_of,
    overlap,
    settled,
)

MOMENTS = st.integers(0, 20).map(float)
SPANS = st.lists(st.tuples(MOMENTS, st.none() | MOMENTS), max_size=12)


def call(
    begun: float = 0, ended: float | None = None, body: bytes = b"", tokens: Usage = NOTHING
) -> WitnessCall:
    return WitnessCall(
        number=1,
        connection=1,
        peer="",
        method="POST",
        path="/v1/chat/completions",
        endpoint="chat",
        headers=(),
        body=body,
        model=None,
        stream=False,
        begun=begun,
        ended=ended,
        prompt_tokens=tokens.prompt,
        completion_tokens=tokens.completion,
    )


def calls(spans: list[tuple[float, float | None]]) -> Iterator[WitnessCall]:
    return (call(begun, None if ended is None else max(begun, ended)) for begun, ended in spans)


@given(SPANS)
def test_overlap_is_the_greatest_crowd_at_any_beginning(spans: list[tuple[float, float | None]]) -> None:
    crowd = list(calls(spans))

    def there(one: WitnessCall, moment: float) -> bool:
        return one.begun <= moment and (one.ended is None or one.ended > moment)

    instant = any(one.begun == one.ended for one in crowd)
    most = max((sum(there(one, other.begun) for one in crowd) for other in crowd), default=0)

    assert most <= overlap(crowd) <= most + instant


@pytest.mark.parametrize(
    ("spans", "together"),
    [
        ([], 0),
        ([(1, 1)], 1),
        ([(0, 1), (1, 2)], 1),
        ([(0, 1), (0.9, 2)], 2),
        ([(0, None), (5, None), (9, None)], 3),
        ([(0, 10), (1, 2), (3, 4)], 2),
    ],
)
def test_calls_overlap_only_when_they_are_in_flight_together(
    spans: list[tuple[float, float | None]], together: int
) -> None:
    assert overlap(calls(spans)) == together


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))), st.integers(0), st.integers(0))
def test_a_bill_is_exact(tokens: list[tuple[int, int]], prompt_price: int, completion_price: int) -> None:
    billed = bill((call(tokens=Usage(*each)) for each in tokens), prompt_price, completion_price)

    assert billed == sum(p for p, _ in tokens) * prompt_price + sum(c for _, c in tokens) * completion_price


@pytest.mark.parametrize(
    ("outcome", "billed"),
    [
        (Outcome.OPEN, False),
        (Outcome.REFUSED, False),
        (Outcome.COMPLETE, True),
        (Outcome.CUT, True),
        (Outcome.LOST, True),
        (Outcome.HUNG, True),
    ],
)
def test_what_was_generated_is_billed_whoever_listened(outcome: Outcome, billed: bool) -> None:
    assert settled(Usage(3, 16), outcome) == (Usage(3, 16) if billed else Usage())


@given(st.text(min_size=1), st.booleans())
def test_a_token_is_found_however_json_writes_it(token: str, ascii_only: bool) -> None:
    body = json.dumps({"content": f"before {token} after"}, ensure_ascii=ascii_only).encode("utf-8")

    assert call(body=body).carries(token)


@pytest.mark.parametrize(
    "written",
    [
        "a/b<é>".encode(),
        rb"a\/b<\u00e9>",
        rb"a\u002Fb\u003c\u00E9\u003E",
        r"\u0061/b\u003Cé\u003e".encode(),
    ],
)
def test_a_token_is_found_in_the_escapes_of_other_languages(written: bytes) -> None:
    assert call(body=b'{"content": "' + written + b'"}').carries("a/b<é>")


def test_a_near_miss_is_not_carried() -> None:
    assert not call(body=rb'{"content": "tokem \u0074oken-2"}').carries("token-1")


def test_the_text_form_of_a_call_shows_no_content() -> None:
    assert "secret" not in repr(call(body=b"secret"))


@pytest.mark.parametrize(
    ("target", "endpoint"),
    [
        ("/v1/chat/completions", "chat"),
        ("/chat/completions?api-version=1", "chat"),
        ("/openai/deployments/x/completions", "completions"),
        ("http://provider/v1/embeddings", "embeddings"),
        ("/v1/responses/", "responses"),
        ("/anthropic/v1/messages", "messages"),
        ("/models", "models"),
        ("/v1/files", "other"),
        ("*", "other"),
    ],
)
def test_an_endpoint_is_known_behind_any_prefix(target: str, endpoint: Endpoint) -> None:
    assert endpoint_of(target) == endpoint
