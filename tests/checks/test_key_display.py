"""K1: a secret is shown once, or what is shown later leaves 112 bits unknown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.checks.key_display import secret_is_shown_once
from conformance.model.keys import ShownOnce
from conformance.model.verdict import Fail, Pass
from tests.checks.made import place, search, word

LIST = place("listing, page 1")


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (search(LIST), "pass"),
        (search(place(), LIST), "pass"),
        # The whole secret, in any encoding, on any answer, with or without control.
        (search(LIST, place("call", own_id=False, forms=("base64",))), "fail"),
        (search(place("disable, refused", status=500, forms=("raw",))), "fail"),
        (search(place(forms=("raw",)), creation_shows=False, unread=("listing",)), "fail"),
        # Parts: 40 characters of 5 bits; 17 shown leave 115 bits, 18 leave 110.
        (search(LIST, place(shown=17)), "pass"),
        (search(LIST, place(shown=18)), "fail"),
        (search(place(shown=18), creation_shows=False), "fail"),
        # Two halves, each of which would be harmless alone.
        (search(LIST, place(shown=17), place("update", shown=17), shown_together=34), "fail"),
        (search(LIST, place(shown=17), place("update", shown=17), shown_together=17), "pass"),
        # A secret of which little is secret.
        (search(LIST, secret_characters=22), "inconclusive"),
        (search(LIST, secret_characters=23), "pass"),
        (search(LIST, place(shown=5), secret_characters=22), "fail"),
        # No control, no pass.
        (search(LIST, creation_shows=False), "inconclusive"),
        (search(), "inconclusive"),
        (search(place("listing, page 1", own_id=False)), "inconclusive"),
        (search(place(), place("listing, page 1", own_id=False)), "inconclusive"),
        (search(place(), unread=("listing",)), "pass"),
        (search(place()), "inconclusive"),
        (search(place(status=404), LIST), "pass"),
        (search(place(status=404), unread=("listing",)), "inconclusive"),
        (search(place(status=None, own_id=False), unread=("listing",)), "inconclusive"),
        (search(place(own_id=False), unread=("listing",)), "inconclusive"),
        (search(unread=("read", "listing")), "inconclusive"),
    ],
)
def test_a_secret_is_shown_once(seen: ShownOnce, verdict: str) -> None:
    assert word(secret_is_shown_once(seen)) == verdict


@given(st.integers(0, 60), st.integers(0, 60), st.floats(3, 6))
def test_whatever_passes_leaves_112_bits(characters: int, shown: int, bits: float) -> None:
    seen = search(LIST, place(shown=shown), secret_characters=characters, bits_per_character=bits)
    enough = (characters - shown) * bits >= 112
    assert isinstance(secret_is_shown_once(seen), Pass) is enough


def test_a_leak_is_told_by_its_place_and_never_by_its_letters() -> None:
    said = secret_is_shown_once(search(LIST, place(shown=30), place("update", shown=12), shown_together=35))
    assert isinstance(said, Fail)
    assert (
        said.because == "'read' and 'update' together show 35 characters of the secret; 25 bits stay unknown"
    )
    assert said.observed == "read: 30 characters; update: 12 characters"


@pytest.mark.parametrize(("no_store", "norm"), [(True, "met"), (False, "not met")])
def test_whether_the_creation_may_be_kept_by_caches_is_a_norm(no_store: bool, norm: str) -> None:
    verdict = secret_is_shown_once(search(LIST, no_store=no_store))

    assert word(verdict) == "pass"
    assert verdict.norm[1].verdict == norm
