"""Prices that nobody declared: told by a models endpoint, for any number of tokens, or read out of usage records."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from conformance.dialects.speak import Key, KeyApi, Reading
from conformance.model.preflight import Price
from conformance.probes import calls
from conformance.probes.calls import PROMPT_SIZE, Asked
from conformance.probes.door import Answer
from conformance.probes.prices import Metered, per_token, price_of, told_price
from conformance.target import Model, Promises, Target
from tests.probes.conftest import Opened, run, target

ANSWER = Answer(status=200, headers=(), body=b"", ms=1)
SIZES = ((40, 64), (40, 64), (160, 64), (40, 32), (160, 32))


def _metered(prompt: int, completion: int, *, off: Sequence[int] = (0,) * 5) -> list[Metered]:
    return [
        Metered(given, made, given * prompt + made * completion + wrong)
        for (given, made), wrong in zip(SIZES, off, strict=True)
    ]


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_two_prices_that_explain_every_call_are_found(prompt: int, completion: int) -> None:
    assert per_token(_metered(prompt, completion)) == (prompt, completion)


@given(
    st.integers(1000, 10**9),
    st.integers(1000, 10**9),
    st.tuples(*(st.integers(-1, 1) for _ in SIZES)),
)
def test_binary_fractions_read_a_picodollar_too_low_hide_no_price(
    prompt: int, completion: int, off: tuple[int, ...]
) -> None:
    assert per_token(_metered(prompt, completion, off=off)) == (prompt, completion)


@pytest.mark.parametrize(
    "metered",
    [
        _metered(1000, 2000, off=(0, 0, 0, 0, 500)),  # one call that the others do not explain
        [Metered(*size, 10**10) for size in SIZES],  # every call rounded up to a cent
        _metered(0, 2000),  # prompts that nobody counts, or that cost nothing
        _metered(1000, 0),
        _metered(-5, 2000),
        _metered(1000, 2000)[:2],  # calls of one size tell nothing apart
        [],
    ],
)
def test_records_that_no_two_prices_explain_give_none(metered: list[Metered]) -> None:
    assert per_token(metered) is None


@pytest.mark.parametrize(
    ("told", "tokens", "pico"),
    [
        ("0.15", 1_000_000, 150_000),
        ("0.15", 1, 15 * 10**10),
        ("0.0375", 1_000, 37_500_000),
        (3, 1_000_000, 3_000_000),
        ("0.0000001", 1_000_000, None),  # less than a picodollar per token
        (None, 1_000_000, None),
    ],
)
def test_a_price_is_for_as_many_tokens_as_the_dialect_says(
    told: object, tokens: int, pico: int | None
) -> None:
    assert told_price(told, tokens) == pico


class Records:
    """A key API and a provider in one: calls of known sizes, and records that charge them in some way."""

    created = ("somebody",)

    def __init__(self, charge: Any, *, served: int = 5) -> None:
        self.dialect = SimpleNamespace(prices={})
        self._charge = charge
        self._served = served
        self._made: list[tuple[int, int]] = []

    async def create(self, purpose: str, limit: int) -> Key:
        return Key(name=purpose, secret="s", id="1", limit=limit, variables={}, creation=ANSWER)

    async def read(self, key: Key) -> Reading:
        return Reading(limit=None, usage=sum(self._charge(*size) for size in self._made), answer=ANSWER)

    async def send(self, session: object, asked: Asked) -> Answer:
        await asyncio.sleep(0)
        if len(self._made) >= self._served:
            return Answer(status=402, headers=(), body=b"", ms=1)
        prompt = 40 if len(asked.body["messages"][0]["content"]) <= PROMPT_SIZE else 160
        self._made.append((prompt, asked.body["max_tokens"]))
        return ANSWER

    def reached(self, session: object, asked: Asked) -> tuple[SimpleNamespace, ...]:
        prompt, completion = self._made[-1]
        return (SimpleNamespace(prompt_tokens=prompt, completion_tokens=completion),)


@pytest.mark.parametrize(
    ("records", "price"),
    [
        (
            Records(lambda p, c: p * 1000 + c * 2000),
            Price(model="m", source="measured", prompt=1000, completion=2000),
        ),
        (Records(lambda p, c: 10**10), Price(model="m", source="measured", call=10**10)),
        (Records(lambda p, c: c * 2000), Price(model="m", source="measured", call=128_000)),
        (
            Records(lambda p, c: p * 1000 + c * 2000, served=2),
            Price(model="m", source="measured", call=168_000),
        ),
        (Records(lambda p, c: p * 1000 + c * 2000, served=1), None),
        (Records(lambda p, c: 0), None),
    ],
    ids=["per token", "a cent each", "completions only", "two calls", "one call", "nothing recorded"],
)
def test_a_price_is_measured_as_finely_as_the_records_allow(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, records: Records, price: Price | None
) -> None:
    monkeypatch.setattr(calls, "send", records.send)
    monkeypatch.setattr(calls, "reached", records.reached)

    async def scene() -> Price | None:
        async with opened(_target(Model())) as session:
            session.key_api = cast("KeyApi", records)
            return await price_of(session, None, "m")

    assert run(scene) == price


def test_a_declared_price_needs_no_call(opened: Opened) -> None:
    priced = _target(Model(prompt_price="0.15", completion_price="0.60"))

    async def scene() -> Price | None:
        async with opened(priced) as session:
            return await price_of(session, None, "m")

    assert run(scene) == Price(model="m", source="declared", prompt=150_000, completion=600_000)


def _target(model: Model) -> Target:
    """A target whose usage is recorded at once."""
    return structs.replace(target(1), claims=Promises(usage_lag=0), models={"m": model})
