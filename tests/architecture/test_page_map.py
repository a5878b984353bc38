"""`conformance/claims/page.toml`: every sentence of the security page, and the claims that it makes."""

import os
import re
from pathlib import Path

from conformance.claims.catalogue import claim_ids, page_claims
from conformance.claims.page import digest, mapping, sentences
from tests.architecture.repository import ROOT

_BESIDE = ROOT.parent / "shared" / "security-page.txt"


def pages() -> tuple[Path, ...]:
    """The pages at hand: what the environment names, and the one beside the checkout; the page is not ours to ship."""
    named = os.environ.get("GATEPROOF_PAGE")
    return (*((Path(named),) if named else ()), *((_BESIDE,) if _BESIDE.exists() else ()))


def test_every_sentence_makes_known_claims_or_says_why_none() -> None:
    known = set(claim_ids())

    for sentence in mapping():
        assert bool(sentence.claims) != bool(sentence.not_testable), sentence.sha256
        assert set(sentence.claims) <= known, sentence.sha256


def test_every_claim_of_the_page_is_made_by_some_sentence_and_no_other_is() -> None:
    made = {claim for sentence in mapping() for claim in sentence.claims}

    assert made == set(page_claims())


def test_digests_are_well_formed() -> None:
    malformed = [s.sha256 for s in mapping() if not re.fullmatch(r"[0-9a-f]{64}", s.sha256)]

    assert not malformed


def test_the_map_is_complete_and_in_order_for_every_page_at_hand() -> None:
    mapped = [sentence.sha256 for sentence in mapping()]
    found = {page: [digest(s) for s in sentences(page.read_text(encoding="utf-8"))] for page in pages()}

    assert len(mapped) == len(set(mapped))
    assert all(digests == mapped for digests in found.values()), found.keys()


def test_a_sentence_is_found_again_whatever_its_white_space() -> None:
    assert digest("Keys are shown once.") == digest("  Keys  are\tshown once. ")
    assert sentences("Title\n- One thing: two.\n\n  Three!  Four?") == (
        "Title",
        "One thing:",
        "two.",
        "Three!",
        "Four?",
    )


def test_a_changed_sentence_is_not_found() -> None:
    assert digest("Keys are shown once.") != digest("Keys are shown twice.")
