"""The table of ways to overspend, and calls as they are ordered: as data."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from conformance.model.preflight import Price
from conformance.probes.spending.orders import Shape, order
from conformance.probes.spending.race import _rounds, volley_size
from conformance.probes.spending.table import Scene, Way, ways
from conformance.target import Endpoint, Gateway, Limits, Model, Target
from conformance.witness.asked import read
from tests.probes.conftest import LIMITS, PRICE, Opened, run, target

KINDS = ("chat", "completions", "embeddings", "responses", "messages")


def scene(limit: int = 10**9, *, kinds: tuple[str, ...] = ("chat",), **more: Any) -> Scene:
    """What the table is filled in with."""
    the_target = Target(
        name="t",
        environment="test",
        gateway=Gateway(base_urls=("https://gateway.example",)),
        inference=tuple(Endpoint(kind=kind, path=f"/v1/{kind}") for kind in kinds),  # type: ignore[arg-type]  # one of its kinds
        models={"m": Model()},
    )
    return Scene(target=the_target, price=PRICE, model="m", limit=limit, pace_ms=5, sibling="k", **more)


def _body(opened: Opened, shape: Shape, the_target: Target | None = None) -> bytes:
    async def ordered() -> bytes:
        async with opened(the_target or target(1)) as session:
            return order(session, "a-key", shape).content

    return run(ordered)


def _fields(body: bytes) -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = json.loads(body, object_pairs_hook=list)
    return pairs


def test_names_of_ways_are_unique_and_every_sort_is_there() -> None:
    for size in ({"least": True}, {}, {"thorough": True}):
        table = ways(scene(kinds=KINDS, **size))

        assert len({way.name for way in table}) == len(table)
        assert {way.family for way in table} == {
            "endpoint", "worst case", "model", "identity", "small sums", "hidden tokens", "abort", "fault",
        }  # fmt: skip


def test_more_is_tried_the_more_calls_a_profile_makes() -> None:
    tables = [ways(scene(kinds=KINDS, **size)) for size in ({"least": True}, {}, {"thorough": True})]

    names = [{way.name for way in table} for table in tables]
    assert names[0] < names[1] < names[2]


@pytest.mark.parametrize("kind", KINDS)
def test_every_endpoint_gets_a_body_of_its_own_shape(opened: Opened, kind: str) -> None:
    inference = (Endpoint(kind=kind, path="/there"),)  # type: ignore[arg-type]  # one of its kinds
    there = Target(
        name="t",
        environment="test",
        gateway=Gateway(base_urls=("http://127.0.0.1:1",)),
        inference=inference,
        models={"m": Model()},
        limits=LIMITS,
    )

    asked = read(kind, _body(opened, Shape(kind=kind), there))  # type: ignore[arg-type]  # one of its kinds

    assert asked is not None
    assert asked.model == "m"
    assert asked.spoken
    assert asked.max_tokens == (None if kind == "embeddings" else 64)


def test_names_that_stand_twice_stay_twice(opened: Opened) -> None:
    body = _body(opened, Shape(fields='"max_tokens":1,"max_tokens":4096'))

    assert [value for name, value in _fields(body) if name == "max_tokens"] == [1, 4096]


@given(st.integers(1, 10**12))
def test_a_leap_costs_more_than_the_limit_where_the_table_can_make_it_so(limit: int) -> None:
    price = Price(model="m", source="declared", prompt=10**6, completion=2 * 10**6)
    given_ = Scene(target=scene().target, price=price, model="m", limit=limit, pace_ms=5, sibling="k")

    for way in ways(given_):
        leap = way.kind == "leap" and "answers" in way.name
        assert not leap or limit > 10**10 or way.shape.generated * price.completion > limit


def _leaps(table: tuple[Way, ...]) -> set[str]:
    return {way.shape.fields or "" for way in table if way.kind == "leap"}


def test_every_abuse_of_a_bound_is_in_the_table() -> None:
    fields = _leaps(ways(scene()))

    for bound in (
        '"max_tokens":0',
        '"max_tokens":-5',
        '"max_tokens":1.5',
        '"max_tokens":"1"',
        '"max_tokens":null',
        "",
    ):
        assert bound in fields
    assert any(text.count('"max_tokens"') == 2 for text in fields)
    assert any('"max_completion_tokens"' in text for text in fields)


def test_calls_are_made_in_every_name_that_another_user_may_have() -> None:
    given_ = replace(scene(), names=("k", 'odd "name"', "owner-7"))

    fields = [way.shape.fields or "" for way in ways(given_) if way.family == "identity"]
    users = [json.loads(f"{{{text}}}")["user"] for text in fields if '"user":' in text]

    assert users == ["k", 'odd "name"', "owner-7"]


@pytest.mark.parametrize(
    ("sample", "sizes"),
    [(3, [2, 24, 24]), (60, [2, 4, 8, 16, 24, 24, 24, 24]), (300, [2, 4, 8, 16, 24, 24, 24, 24] * 2)],
)
def test_the_ladder_of_races_grows_with_the_profile(sample: int, sizes: list[int]) -> None:
    assert [each.size for each in _rounds(scene().target, sample)] == sizes


def test_the_thorough_ladder_ends_at_sixty_four_where_the_limits_allow_it() -> None:
    wide = Target(
        name="t",
        environment="test",
        gateway=Gateway(base_urls=("https://gateway.example",)),
        limits=Limits(connections=64, rate=1000),
    )

    assert volley_size(wide, 3000) == 64
    assert [each.size for each in _rounds(wide, 3000)][:6] == [2, 4, 8, 16, 32, 64]
    assert len(_rounds(wide, 3000)) == 5 * 9


def test_a_ladder_needs_no_room_for_races() -> None:
    narrow = Target(
        name="t",
        environment="test",
        gateway=Gateway(base_urls=("https://gateway.example",)),
        limits=Limits(connections=1),
    )

    assert {each.size for each in _rounds(narrow, 60)} == {1}


@pytest.mark.parametrize(("kinds", "there"), [(KINDS, True), (("chat",), False)])
def test_what_multiplies_completions_is_tried_where_they_are_served(
    kinds: tuple[str, ...], there: bool
) -> None:
    leaps = [
        way for way in ways(scene(kinds=kinds)) if way.shape.kind == "completions" and way.kind == "leap"
    ]

    assert any('"best_of":' in (way.shape.fields or "") for way in leaps) is there
    assert any(way.shape.prompts > 1 for way in leaps) is there


def test_several_prompts_are_asked_at_once_and_only_the_first_is_long(opened: Opened) -> None:
    shape = Shape(kind="completions", prompts=3)
    there = Endpoint(kind="completions", path="/there")

    body = json.loads(_body(opened, shape, structs.replace(target(1), inference=(there,))))

    assert len(body["prompt"][0]) > 100
    assert body["prompt"][1:] == ["a", "a"]


@given(st.integers(4, 200), st.booleans())
def test_slow_readers_wait_by_the_latency_of_the_target(pace_ms: int, thorough: bool) -> None:
    slow = [way for way in ways(replace(scene(thorough=thorough), pace_ms=pace_ms)) if way.patience]

    assert {way.reads_on for way in slow} == {True, False}
    assert all(0.25 <= way.patience <= 4.0 for way in slow)
    assert all(way.shape.stream and "padded" in way.shape.fault for way in slow)


def test_embeddings_of_prompts_that_cost_nothing_are_no_way_to_overspend() -> None:
    priced = scene(kinds=KINDS)
    free = replace(priced, price=structs.replace(PRICE, prompt=0))

    assert {way.name for way in ways(priced)} - {way.name for way in ways(free)} == {"calls of embeddings"}


@pytest.mark.parametrize(("kind", "name"), [("messages", "max_tokens"), ("responses", "max_output_tokens")])
def test_fields_bound_tokens_by_the_name_that_the_kind_has_for_it(
    opened: Opened, kind: str, name: str
) -> None:
    there = structs.replace(target(1), inference=(Endpoint(kind=kind, path="/there"),))  # type: ignore[arg-type]  # its kinds
    shape = Shape(fields='"max_tokens":1,"max_tokens":2')

    assert _fields(_body(opened, shape, there))[-2:] == [(name, 1), (name, 2)]
