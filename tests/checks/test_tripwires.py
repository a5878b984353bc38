"""Z1 and Z2: who follows what stands in prompts, and whether a prompt is treated by what it says."""

from typing import Any

import pytest

from conformance.checks.tripwires import nothing_in_a_prompt_is_followed, prompts_are_not_sifted
from conformance.model.egress import Planted, Sifting, Touch, Tripwires, TripwireWatch
from conformance.model.verdict import Fail, Pass
from tests.checks.made import word

TOUCH = Touch(form="link", field="user", by="http", source="192.0.2.7", of_gateway=False, after_ms=1500)


def sifting(words: Any, sent: int = 3, served: int = 3, unchanged: int = 3, refused: int = 0) -> Sifting:
    """Calls that were served, and forwarded as they were sent."""
    return Sifting(words=words, sent=sent, served=served, unchanged=unchanged, refused=refused)


PLAIN, SECRET = sifting("plain"), sifting("credentials")


def planted(forwarded: int = 4, *sifted: Sifting) -> Tripwires:
    """Four links in what users said."""
    return Tripwires(
        planted=(Planted(form="link", field="user", sent=4, forwarded=forwarded),), sifted=sifted
    )


def watch(*touches: Touch, **more: Any) -> TripwireWatch:
    """A look after four seconds, with calls that show the way."""
    fields: dict[str, Any] = {"window_ms": 4000, "arrivals": 9, "names": "not declared"}
    return TripwireWatch(touches=touches, touches_total=len(touches), **(fields | more))


@pytest.mark.parametrize(
    ("sent", "seen", "verdict"),
    [
        (planted(), watch(), "pass"),
        (planted(), watch(TOUCH), "fail"),
        (planted(forwarded=0), watch(TOUCH, arrivals=0), "fail"),
        (planted(), watch(arrivals=0), "inconclusive"),
        (planted(forwarded=0), watch(), "inconclusive"),
        (planted(), watch(names="unproven"), "pass"),
    ],
)
def test_a_tripwire_that_was_touched_is_a_breach(sent: Tripwires, seen: TripwireWatch, verdict: str) -> None:
    assert word(nothing_in_a_prompt_is_followed(sent, seen)) == verdict


def test_the_finding_says_what_was_followed_from_where_and_when() -> None:
    judged = nothing_in_a_prompt_is_followed(planted(), watch(TOUCH))

    assert isinstance(judged, Fail)
    assert judged.observed == "link in user was followed from 192.0.2.7 after 1500 ms (from elsewhere)"


@pytest.mark.parametrize("names", ["not declared", "unproven", "proven"])
def test_a_pass_says_whether_names_were_watched(names: str) -> None:
    told = {
        "not declared": "were not watched",
        "unproven": "nothing shows that the gateway's would have been seen",
        "proven": "look-ups of host names were watched",
    }

    judged = nothing_in_a_prompt_is_followed(planted(), watch(names=names))

    assert isinstance(judged, Pass)
    assert told[names] in judged.because
    assert "4.0 s" in judged.because


@pytest.mark.parametrize(
    ("sifted", "verdict"),
    [
        ((PLAIN, SECRET), "pass"),
        ((PLAIN, sifting("credentials", served=0, unchanged=0, refused=3)), "fail"),
        ((PLAIN, sifting("credentials", served=0, unchanged=0)), "inconclusive"),
        ((PLAIN, sifting("credentials", served=1, unchanged=0, refused=1)), "inconclusive"),
        ((PLAIN, sifting("credentials", served=1, unchanged=0, refused=2)), "fail"),
        ((PLAIN, sifting("credentials", unchanged=0)), "fail"),
        ((PLAIN, sifting("credentials", served=2, unchanged=2)), "inconclusive"),
        (
            (sifting("plain", served=2, unchanged=2), sifting("credentials", served=0, unchanged=0)),
            "inconclusive",
        ),
        ((sifting("plain", unchanged=0), sifting("credentials", unchanged=0)), "inconclusive"),
        ((sifting("plain", 0, 0, 0), SECRET), "inconclusive"),
        ((PLAIN,), "inconclusive"),
        ((), "inconclusive"),
    ],
)
def test_prompts_with_credentials_must_fare_as_those_between_them(
    sifted: tuple[Sifting, ...], verdict: str
) -> None:
    assert word(prompts_are_not_sifted(planted(4, *sifted))) == verdict
