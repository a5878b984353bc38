"""Z2: what the provider gets, and how often."""

from collections.abc import Callable
from typing import Any

import pytest

from conformance.checks.forwarding import (
    caller_stays_behind,
    content_arrives_unchanged,
    every_call_reaches_the_provider_once,
    gateway_key_stays_behind,
)
from conformance.model.campaign import Forwarding
from conformance.model.verdict import Verdict
from tests.checks.made import forwarding, word

KEY, CALLER = gateway_key_stays_behind, caller_stays_behind
ONCE, CONTENT = every_call_reaches_the_provider_once, content_arrives_unchanged
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
