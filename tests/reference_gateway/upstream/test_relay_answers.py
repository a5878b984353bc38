"""Answers that are no streams: good ones, refusals, and those that never come."""

import json
from typing import Any

import pytest

from reference_gateway.content.meter import Usage
from reference_gateway.content.upstream import Answer, CutError, NothingSentError, Outbound
from reference_gateway.ledger.wire import Endpoint, Outcome
from reference_gateway.web.faults import Fault, error_body
from tests.reference_gateway import asking
from tests.reference_gateway.upstream.playing import play
from tests.reference_gateway.upstream.relaying import (
    BILLED,
    IN_FULL,
    Pieces,
    Play,
    Played,
    Provider,
    Scene,
    pieces,
)

JSON = "application/json"
WORDS = b'{"error":{"message":"the provider\'s own words"}}'
GOOD = json.dumps({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}}).encode()
FREE = [(Outcome.REFUSED, Usage(0, 0))]


def asked(answer: Played, max_answer: int = 16_777_216) -> tuple[Fault | None, Scene]:
    """What becomes of a request to which this is the answer."""

    async def scene() -> tuple[Fault | None, Scene]:
        one = Scene(Provider(answer), max_answer=max_answer)
        return await one.run(asking.read(Endpoint.CHAT, {})), one

    return play(scene())


def cut() -> Play:
    async def played() -> Pieces:
        yield WORDS[:5]
        raise CutError(timed_out=False)

    return played


def test_a_good_answer_is_passed_on_and_billed() -> None:
    fault, one = asked(Played(pieces(GOOD[:9], GOOD[9:]), media=JSON))

    assert fault is None
    assert (one.client.status, one.client.body, one.settled) == (200, GOOD, BILLED)


def test_a_good_answer_without_usage_is_charged_in_full() -> None:
    _, one = asked(Played(pieces(b"{}"), media=JSON))

    assert (one.client.body, one.settled) == (b"{}", IN_FULL)


def test_an_answer_has_a_largest_size() -> None:
    room = b" " * (1024 - len(GOOD))
    _, fitting = asked(Played(pieces(GOOD, room), media=JSON), max_answer=1024)
    fault, one = asked(Played(pieces(GOOD, room, b" "), media=JSON), max_answer=1024)

    assert (fitting.client.body, fitting.settled) == (GOOD + room, BILLED)
    assert fault is Fault.PROVIDER_TOO_LARGE
    assert (one.client.body, one.settled) == (error_body(Fault.PROVIDER_TOO_LARGE), IN_FULL)


def test_an_answer_that_breaks_off_is_charged_in_full_and_none_of_it_is_shown() -> None:
    fault, one = asked(Played(cut(), media=JSON))

    assert fault is Fault.PROVIDER_CUT
    assert (one.client.status, one.client.body) == (502, error_body(Fault.PROVIDER_CUT))
    assert one.settled == IN_FULL


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_caller_can_mend_comes_in_the_providers_words(status: int) -> None:
    fault, one = asked(Played(pieces(WORDS), status, JSON))

    assert fault is None
    assert (one.client.status, one.client.body) == (status, WORDS)
    assert (b"x-should-retry", b"false") in one.client.told[0]["headers"]
    assert one.settled == FREE


@pytest.mark.parametrize(
    ("status", "media", "fault"),
    [
        (400, "text/html", Fault.PROVIDER_REFUSED),
        (400, "", Fault.PROVIDER_REFUSED),
        (401, JSON, Fault.PROVIDER_REFUSED),
        (403, JSON, Fault.PROVIDER_REFUSED),
        (302, JSON, Fault.PROVIDER_REFUSED),
        (304, "", Fault.PROVIDER_REFUSED),
        (429, JSON, Fault.PROVIDER_LIMITED),
        (500, JSON, Fault.PROVIDER_FAILED),
        (503, "text/event-stream", Fault.PROVIDER_FAILED),
        (600, JSON, Fault.PROVIDER_FAILED),
    ],
)
def test_a_complete_refusal_costs_nothing_and_its_words_stay_here(
    status: int, media: str, fault: Fault
) -> None:
    got, one = asked(Played(pieces(WORDS), status, media))

    assert got is fault
    assert (one.client.status, one.client.body) == (fault.value.status, error_body(fault))
    assert one.settled == FREE


def test_how_long_to_wait_is_passed_on() -> None:
    _, one = asked(Played(pieces(WORDS), 429, JSON, retry_after=7))

    assert (b"retry-after", b"7") in one.client.told[0]["headers"]


@pytest.mark.parametrize(
    ("played", "fault"),
    [(cut(), Fault.PROVIDER_CUT), (pieces(*[b"x" * 10_000] * 7), Fault.PROVIDER_REFUSED)],
)
def test_an_incomplete_refusal_proves_nothing(played: Play, fault: Fault) -> None:
    got, one = asked(Played(played, 400, JSON))

    assert (got, one.settled) == (fault, IN_FULL)


class Failing:
    """An upstream that gives no answer, and is one's way to it."""

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def send(self, _request: Outbound) -> "Failing":
        return self

    async def __aenter__(self) -> Answer:
        raise self._failure

    async def __aexit__(self, *_: object) -> None:
        """Never comes so far."""

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("failure", "fault", "outcome"),
    [
        (NothingSentError(timed_out=False), Fault.PROVIDER_UNREACHABLE, Outcome.NOTHING_SENT),
        (NothingSentError(timed_out=True), Fault.CONNECT_TIMEOUT, Outcome.NOTHING_SENT),
        (CutError(timed_out=False), Fault.PROVIDER_CUT, Outcome.UNKNOWN),
        (CutError(timed_out=True), Fault.PROVIDER_TIMEOUT, Outcome.UNKNOWN),
    ],
)
def test_only_what_is_proven_unsent_is_free(failure: Exception, fault: Fault, outcome: Outcome) -> None:
    async def scene() -> tuple[Fault | None, Any]:
        one = Scene(Failing(failure))
        return await one.run(), one.settled

    assert play(scene()) == (fault, [(outcome, Usage(0, 0))])
