"""K3: what is open or still to come when a key ends."""

from typing import Any

import pytest

from conformance.checks.key_ends import (
    expired_keys_are_refused,
    keys_of_removed_owners_are_refused,
    revocation_ends_open_streams,
)
from conformance.model.key_ends import CutStream, Expiry, OpenStreams, OwnerRemoval
from conformance.model.verdict import Pass
from tests.checks.made import death, declared, word

PROMISE = declared(revocation_latency=1.0)
FINISHING = declared(revocation_latency=1.0, streams_after_revocation="finish")


def stream(how: Any = "revoke", **more: Any) -> CutStream:
    """A stream that ended with its key, while a sibling's went on."""
    fields: dict[str, Any] = {
        "opened": True, "refused": True, "late": 0, "sibling_late": 24, "last_ms": 40, "begun_late": 0,
        "kept_before": True, "kept_after": "401",
    }  # fmt: skip
    return CutStream(how=how, **(fields | more))


STREAMS: list[tuple[dict[str, Any], str]] = [
    ({}, "pass"),
    ({"last_ms": None}, "pass"),
    ({"kept_after": "closed"}, "pass"),
    ({"late": 8}, "fail"),
    ({"kept_after": "200"}, "fail"),
    ({"begun_late": 1}, "fail"),
    # A breach needs no control …
    ({"late": 8, "sibling_late": 0, "opened": False}, "fail"),
    # … and a key that is served anew has not ended at all, which is another check's.
    ({"late": 8, "kept_after": "200", "refused": False}, "inconclusive"),
    ({"refused": False}, "inconclusive"),
    # No control, no pass.
    ({"opened": False}, "inconclusive"),
    ({"sibling_late": 0}, "inconclusive"),
    ({"kept_before": False}, "inconclusive"),
    ({"kept_after": "timeout"}, "inconclusive"),
]


@pytest.mark.parametrize(("seen", "verdict"), STREAMS)
def test_what_was_open_ends_with_its_key(seen: dict[str, Any], verdict: str) -> None:
    streams = OpenStreams(streams=(stream(), stream("disable", **seen)))

    assert word(revocation_ends_open_streams(streams, PROMISE)) == verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [({"late": 8}, "pass"), ({"late": 8, "kept_after": "200"}, "fail"), ({"begun_late": 1}, "fail")],
)
def test_a_stream_may_finish_where_that_is_documented(seen: dict[str, Any], verdict: str) -> None:
    assert word(revocation_ends_open_streams(OpenStreams(streams=(stream(**seen),)), FINISHING)) == verdict


def test_without_a_stream_nothing_is_proven() -> None:
    assert word(revocation_ends_open_streams(OpenStreams(streams=()), PROMISE)) == "inconclusive"


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ({}, "pass"),
        ({"past": "refused"}, "pass"),
        ({"past": "unknown"}, "pass"),
        ({"past": "served"}, "fail"),
        ({"past": "served", "soon": None}, "fail"),
        # The date, a second in which clocks may differ, and the declared latency.
        ({"soon": death("expire", last_served_ms=2000)}, "pass"),
        ({"soon": death("expire", last_served_ms=2001)}, "fail"),
        ({"soon": death("expire", alive_before=False)}, "inconclusive"),
        ({"soon": death("expire", sibling_served=0)}, "inconclusive"),
        ({"soon": None}, "inconclusive"),
        ({"soon": None, "absent": "keys live for ever"}, "not-applicable"),
    ],
)
def test_an_expired_key_is_refused(seen: dict[str, Any], verdict: str) -> None:
    fields: dict[str, Any] = {"soon": death("expire"), "past": "dead", "offset_ms": -200}

    assert word(expired_keys_are_refused(Expiry(**(fields | seen)), PROMISE)) == verdict


def test_a_pass_says_how_far_the_clocks_are_apart() -> None:
    said = expired_keys_are_refused(Expiry(soon=death("expire"), past="dead", offset_ms=-200), PROMISE)

    assert isinstance(said, Pass)
    assert "the gateway's clock is -200 ms ahead of ours" in said.because


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (OwnerRemoval(death=death("remove the owner")), "pass"),
        (OwnerRemoval(death=death("remove the owner", last_served_ms=1001)), "fail"),
        (OwnerRemoval(death=death("remove the owner", alive_before=False)), "inconclusive"),
        (OwnerRemoval(refused="409"), "pass"),
        (OwnerRemoval(absent="keys have no owner"), "not-applicable"),
        (OwnerRemoval(), "inconclusive"),
    ],
)
def test_the_keys_of_a_removed_owner_die(seen: OwnerRemoval, verdict: str) -> None:
    assert word(keys_of_removed_owners_are_refused(seen, PROMISE)) == verdict
