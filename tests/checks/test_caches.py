"""Z2: whose answer comes back, and whether the provider was asked for it."""

from typing import Any

import pytest

from conformance.checks.caches import (
    every_answer_is_made_anew,
    headers_tell_nothing_of_content,
    no_answer_crosses_keys,
)
from conformance.model.egress import KeptAnswers, Repeat
from conformance.model.verdict import Fail
from tests.checks.made import declared, word

REPLAYS = declared(opt_in_storage=("idempotency",))


def repeat(**more: Any) -> Repeat:
    """A call with the key of the earlier one, answered for itself."""
    fields: dict[str, Any] = {
        "how": "in capitals", "scope": "one key", "told": "200", "served": True, "reached": True, "given_again": False,
    }  # fmt: skip
    return Repeat(**(fields | more))


OWN, ACROSS = repeat(), repeat(scope="two keys")
UNASKED = {"reached": False}
GIVEN = {"reached": False, "given_again": True}
STALE = {"given_again": True}  # the provider was asked, and its new answer kept for the next
LOST: dict[str, Any] = {"served": False, "reached": False, "told": "502"}
REFUSED: dict[str, Any] = {"served": False, "reached": False, "told": "409", "may_refuse": True}


@pytest.mark.parametrize(
    ("repeats", "verdict"),
    [
        ((OWN, ACROSS), "pass"),
        ((ACROSS, repeat(scope="two keys", **UNASKED)), "fail"),
        ((ACROSS, repeat(scope="two keys", **GIVEN)), "fail"),
        ((ACROSS, repeat(scope="two keys", **STALE)), "fail"),
        ((ACROSS, repeat(scope="two keys", **GIVEN, asked_for=True)), "fail"),
        ((repeat(scope="two keys", **LOST), repeat(scope="two keys", **GIVEN)), "fail"),
        ((ACROSS, repeat(**GIVEN)), "pass"),
        ((ACROSS, repeat(scope="two keys", **LOST)), "inconclusive"),
        ((ACROSS, repeat(scope="two keys", **REFUSED)), "pass"),
        ((repeat(scope="two keys", **REFUSED),), "inconclusive"),
        ((OWN,), "inconclusive"),
        ((), "inconclusive"),
    ],
)
def test_an_answer_made_for_another_key_is_a_breach(repeats: tuple[Repeat, ...], verdict: str) -> None:
    assert word(no_answer_crosses_keys(KeptAnswers(repeats=repeats, keys=2))) == verdict


@pytest.mark.parametrize(
    ("repeats", "promised", "verdict"),
    [
        ((OWN, ACROSS), declared(), "pass"),
        ((OWN, repeat(**UNASKED)), declared(), "fail"),
        ((OWN, repeat(**STALE)), declared(), "fail"),
        ((OWN, repeat(**GIVEN, asked_for=True)), declared(), "fail"),
        ((OWN, repeat(**GIVEN, asked_for=True)), REPLAYS, "pass"),
        ((OWN, repeat(**GIVEN)), REPLAYS, "fail"),
        ((OWN, repeat(scope="two keys", **GIVEN)), declared(), "pass"),
        ((OWN, repeat(**LOST)), declared(), "inconclusive"),
        ((OWN, repeat(**REFUSED)), declared(), "pass"),
        ((repeat(**REFUSED),), declared(), "inconclusive"),
        ((ACROSS,), declared(), "inconclusive"),
    ],
)
def test_an_answer_that_was_kept_is_a_breach_unless_a_replay_is_declared(
    repeats: tuple[Repeat, ...], promised: Any, verdict: str
) -> None:
    assert word(every_answer_is_made_anew(KeptAnswers(repeats=repeats, keys=2), promised)) == verdict


def test_the_finding_says_how_the_calls_were_alike_and_whose_answer_came() -> None:
    kept = KeptAnswers(
        repeats=(repeat(scope="two keys", how="in other words", **GIVEN),), keys=2, owner="user"
    )

    judged = no_answer_crosses_keys(kept)

    assert isinstance(judged, Fail)
    assert judged.observed == (
        "with two keys of two users: in other words: the earlier answer, and the provider was not asked"
    )


@pytest.mark.parametrize(
    ("headers", "telling", "verdict"), [(4, (), "pass"), (4, ("etag",), "fail"), (0, (), "inconclusive")]
)
def test_a_header_that_comes_again_with_its_prompt_is_a_finding(
    headers: int, telling: tuple[str, ...], verdict: str
) -> None:
    kept = KeptAnswers(repeats=(OWN,), keys=1, headers=headers, telling=telling)

    assert word(headers_tell_nothing_of_content(kept)) == verdict
