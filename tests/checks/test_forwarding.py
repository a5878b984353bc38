"""Z2: what the provider gets, and how often."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from conformance.checks.forwarding import (
    caller_stays_behind,
    content_arrives_unchanged,
    every_call_reaches_the_provider_once,
    gateway_key_stays_behind,
)
from conformance.model.egress import FieldFate, Forwarding, HeaderFate, Integrity
from conformance.model.evidence import Unobserved
from conformance.model.scale import Fault
from conformance.model.verdict import Pass, Verdict
from tests.checks.made import declared, forwarding, word

KEY, CALLER = gateway_key_stays_behind, caller_stays_behind
ONCE = every_call_reaches_the_provider_once
NOT_COMPARED = Unobserved(reason="no call could be made", fault=Fault.TARGET, decide="repeat the audit")
CONTENT = partial(content_arrives_unchanged, integrity=NOT_COMPARED, declared=declared())
NOTHING: dict[str, Any] = {
    "served": 0, "seen_once": 0, "repeated_served": 0, "repeated_seen": 0, "prompts_unchanged": 0, "answers_unchanged": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("judge", "seen", "verdict"),
    [
        (KEY, forwarding(), "pass"),
        (KEY, forwarding(key_sightings=("header authorization",)), "fail"),
        (KEY, forwarding(key_sightings=("body",), **NOTHING), "fail"),
        (KEY, forwarding(cookie_sightings=("header cookie",)), "pass"),
        (KEY, forwarding(**NOTHING), "inconclusive"),
        (KEY, forwarding(seen_once=0, seen_never=6), "inconclusive"),
        (CALLER, forwarding(), "pass"),
        (CALLER, forwarding(cookie_sightings=("header cookie",)), "fail"),
        (CALLER, forwarding(address_sightings=("header x-real-ip",), **NOTHING), "fail"),
        (CALLER, forwarding(key_sightings=("header authorization",)), "pass"),
        (CALLER, forwarding(**NOTHING), "inconclusive"),
        (ONCE, forwarding(), "pass"),
        (ONCE, forwarding(seen_once=5, seen_never=1), "fail"),
        (ONCE, forwarding(seen_once=5, seen_more=1), "fail"),
        (ONCE, forwarding(seen_once=5, seen_never=1, served=9), "fail"),
        (ONCE, forwarding(repeated_seen=3), "fail"),
        (ONCE, forwarding(repeated_seen=5), "fail"),
        (ONCE, forwarding(served=9, seen_once=5), "inconclusive"),
        (ONCE, forwarding(served=9, repeated_served=3, repeated_seen=4), "inconclusive"),
        (ONCE, forwarding(served=6, repeated_served=0, repeated_seen=0), "inconclusive"),
        (ONCE, forwarding(served=6, calls=6, repeated_served=0, repeated_seen=0), "inconclusive"),
        (ONCE, forwarding(**NOTHING), "inconclusive"),
        (ONCE, forwarding(calls=0, **NOTHING), "inconclusive"),
        (CONTENT, forwarding(), "pass"),
        (CONTENT, forwarding(prompts_unchanged=5), "fail"),
        (CONTENT, forwarding(answers_unchanged=5), "fail"),
        (CONTENT, forwarding(answers_unchanged=0, served=6), "fail"),
        (
            CONTENT,
            forwarding(seen_once=0, seen_more=6, prompts_unchanged=0, answers_unchanged=0),
            "inconclusive",
        ),
        (CONTENT, forwarding(**NOTHING), "inconclusive"),
    ],
)
def test_what_the_provider_saw_decides(
    judge: Callable[[Forwarding], Verdict], seen: Forwarding, verdict: str
) -> None:
    assert word(judge(seen)) == verdict


def fate(field: str, unchanged: int = 3, added_to: int = 0) -> FieldFate:
    """A field of content that was compared three times."""
    return FieldFate(field=field, part="content", sent=3, unchanged=unchanged, added_to=added_to)


REWRITTEN = forwarding(prompts_unchanged=0)


@pytest.mark.parametrize(
    ("fields", "seen", "transforms", "verdict"),
    [
        ((fate("messages"), fate("image")), forwarding(), (), "pass"),
        ((fate("image", unchanged=2),), forwarding(), (), "fail"),
        ((fate("image", unchanged=2),), forwarding(), ("image",), "pass"),
        ((fate("image", unchanged=2),), forwarding(**NOTHING), (), "fail"),
        ((fate("messages", 0, added_to=3),), REWRITTEN, (), "fail"),
        ((fate("messages", 0, added_to=3),), REWRITTEN, ("messages",), "pass"),
        ((fate("messages", 0, added_to=2),), REWRITTEN, ("messages",), "fail"),
        ((fate("messages", 0),), REWRITTEN, ("user",), "fail"),
        ((fate("answer texts", 0),), forwarding(answers_unchanged=0), ("answer texts",), "pass"),
        ((fate("answer texts", 0),), forwarding(), (), "fail"),
        ((), forwarding(), (), "pass"),
        ((), forwarding(**NOTHING), (), "inconclusive"),
    ],
)
def test_what_is_declared_may_be_added_and_nothing_may_be_lost(
    fields: tuple[FieldFate, ...], seen: Forwarding, transforms: tuple[str, ...], verdict: str
) -> None:
    compared = Integrity(fields=fields)

    judged = content_arrives_unchanged(seen, compared, declared(transforms=transforms))

    assert word(judged) == verdict


def test_what_else_of_the_caller_is_passed_on_is_told_and_no_failure() -> None:
    headers = (
        HeaderFate(name="traceparent", places=("header traceparent",)),
        HeaderFate(name="user-agent", places=()),
    )

    judged = CALLER(forwarding(headers=headers, own_address=True))

    assert isinstance(judged, Pass)
    assert "traceparent" in judged.because
    assert "user-agent" not in judged.because
    assert "its own address included" in judged.because


def test_an_address_that_cannot_be_told_apart_is_not_said_to_stay_behind() -> None:
    judged = CALLER(forwarding(own_address=False))

    assert "could not be told apart" in judged.because
