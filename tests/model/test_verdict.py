"""Nothing passes for free."""

import pytest

from conformance.model.campaign import Campaign, PathRun
from conformance.model.egress import Forwarding
from conformance.model.evidence import CannotObserve, Evidence, Unobserved
from conformance.model.keys import Revocation, Rotation, ShownOnce
from conformance.model.preflight import Preflight, Price, Step
from conformance.model.scale import Fault
from conformance.model.spend import SpendRace, SpendSequential, UsageRow, UsageTruth
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass

PRICE = Price(model="m", source="declared", prompt=1, completion=2)


class Look(Evidence, frozen=True, kw_only=True):
    """Evidence of as many facts as it says."""

    facts: int

    def seen(self) -> int:
        """As told."""
        return self.facts


def test_a_pass_without_cites_is_refused() -> None:
    with pytest.raises(ValueError, match="must cite"):
        Pass(because="all is well", cites=())


@pytest.mark.parametrize("facts", [0, -1])
def test_a_pass_that_cites_evidence_which_saw_nothing_is_refused(facts: int) -> None:
    with pytest.raises(ValueError, match="cannot rest on Look, which saw nothing"):
        Pass(because="all is well", cites=(Look(facts=facts),))


def test_one_blind_witness_among_seeing_ones_spoils_a_pass() -> None:
    with pytest.raises(ValueError, match="saw nothing"):
        Pass(because="all is well", cites=(Look(facts=3), Look(facts=0)))


def test_a_pass_that_cites_a_fact_stands() -> None:
    assert Pass(because="seen", cites=(Look(facts=1),)).because == "seen"


def test_evidence_sees_nothing_unless_it_says_what() -> None:
    class Silent(Evidence, frozen=True, kw_only=True):
        """Does not say."""

    assert Silent().seen() == 0


def test_what_was_not_observed_is_no_evidence() -> None:
    assert not issubclass(Unobserved, Evidence)


def test_a_fail_shows_what_it_rests_on() -> None:
    with pytest.raises(ValueError, match="must cite"):
        Fail(because="broken", expected="", observed="", cites=())


def test_an_exemption_shows_what_it_rests_on() -> None:
    with pytest.raises(ValueError, match="must cite"):
        NotApplicable(because="there is none", cites=())


def test_an_inconclusive_needs_no_cites() -> None:
    assert Inconclusive(because="silence", decide="ask again").cites == ()


def test_whoever_cannot_look_says_whose_fault_that_is() -> None:
    trouble = CannotObserve("no door", fault=Fault.OPERATOR, decide="declare one")
    assert trouble.unobserved == Unobserved(reason="no door", fault=Fault.OPERATOR, decide="declare one")


def test_a_verdict_cannot_be_changed() -> None:
    verdict = Inconclusive(because="silence", decide="ask again")
    with pytest.raises(AttributeError):
        verdict.because = "seen"  # type: ignore[misc]  # that it cannot be done is the point


_ROW = UsageRow(after="streams", calls=1, reached=1, billed_calls=1, bill=5, recorded=None, lag_ms=1)
_STEP = Step(name="s", detail="d", trouble=Unobserved(reason="r", fault=Fault.NETWORK, decide="d"))
BLIND: tuple[Evidence, ...] = (
    SpendSequential(price=PRICE, scenarios=()),
    SpendRace(price=PRICE, volley=9, ample_served=9, ample_in_flight=9, rounds=()),
    UsageTruth(price=PRICE, rows=()),
    UsageTruth(price=PRICE, rows=(_ROW,)),
    Revocation(deaths=(), absent=("disable",)),
    Rotation(),
    ShownOnce(
        creation_shows=True, secret_characters=40, bits_per_character=5, shown_together=0, places=(), unread=()
    ),
    Campaign(sample=60, paths=(), cells=(), keys=3, answers=9),
    Campaign(
        sample=60,
        paths=(PathRun(path="p", kind="forwarded", sent=60, counted=0, told=("timeout",), seconds=1),),
        cells=(),
        keys=3,
        answers=0,
    ),
    Forwarding(
        calls=10, served=10, seen_once=0, seen_never=10, seen_more=0, repeated_served=4, repeated_seen=0,
        key_sightings=(), cookie_sightings=(), address_sightings=(), prompts_unchanged=0, answers_unchanged=0,
    ),
    Preflight(steps=(_STEP,)),
)  # fmt: skip


@pytest.mark.parametrize("evidence", BLIND, ids=lambda e: type(e).__name__)
def test_evidence_in_which_nothing_was_observed_supports_no_pass(evidence: Evidence) -> None:
    assert evidence.seen() == 0
    with pytest.raises(ValueError, match="saw nothing"):
        Pass(because="all is well", cites=(evidence,))


@pytest.mark.parametrize(("prompt", "completion", "bill"), [(0, 0, 0), (1, 0, 1), (0, 1, 2), (3, 4, 11)])
def test_a_price_by_the_token_bills_tokens(prompt: int, completion: int, bill: int) -> None:
    assert PRICE.bill(prompt, completion) == bill


def test_a_measured_price_bills_calls() -> None:
    assert Price(model="m", source="measured", call=7).bill(1000, 1000, calls=3) == 21
