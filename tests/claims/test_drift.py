"""Page drift: sentences are found by digest, in plain text and in HTML, and whatever is not covered is told."""

import html
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.claims.drift import drift, plain
from conformance.claims.page import Sentence, digest
from conformance.model.page import PageDrift
from tests.core.made import assessed
from tests.end_to_end.conftest import Command
from tests.end_to_end.conftest import gateproof as gateproof  # noqa: PLC0414 - the fixture

_KEPT = "Keys are shown once."
_LATER = "Keys are hashed."


@pytest.fixture(autouse=True)
def a_small_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map of two sentences."""
    known = (
        Sentence(sha256=digest(_KEPT), claims=("K1",)),
        Sentence(sha256=digest(_LATER), claims=("K2",)),
        Sentence(sha256=digest("Contact"), not_testable="heading"),
    )
    monkeypatch.setattr("conformance.claims.drift.mapping", lambda: known)


def test_a_page_that_says_what_is_mapped_has_not_drifted() -> None:
    found = drift("page.txt", f"{_KEPT} {_LATER}\nContact\n")

    assert (found.sentences, found.uncovered, found.vanished) == (3, (), ())


def test_a_new_sentence_is_covered_by_no_claim() -> None:
    assert drift("p", f"{_KEPT} {_LATER} We sell nothing!").uncovered == ("We sell nothing!",)


def test_a_sentence_that_was_reworded_is_gone_and_the_new_one_is_uncovered() -> None:
    found = drift("p", f"Keys are shown twice. {_LATER}")

    assert found.uncovered == ("Keys are shown twice.",)
    assert [(gone.claims, gone.sha256) for gone in found.vanished] == [(("K1",), digest(_KEPT))]


def test_a_heading_that_made_no_claim_may_go() -> None:
    assert not drift("p", f"{_KEPT} {_LATER}").vanished


PAGE = """<!doctype html><html><head><title>Security &amp; trust</title><style>p {}</style></head><body>
<nav><a href="/">Home. Products.</a></nav>
<main><h2>Contact</h2><p>Keys are <b>shown</b>
 once.</p><ul><li>Keys are hashed.</li></ul><script>let x = "No."</script></main>
<footer>Imprint.</footer></body></html>"""


def test_html_is_read_as_a_person_reads_it() -> None:
    found = drift("p", PAGE)

    assert (found.sentences, found.uncovered, found.vanished) == (3, (), ())


def test_without_a_main_part_the_body_counts() -> None:
    assert drift("p", "<p>Keys are shown once.<br>Keys are hashed.</p>").sentences == 2


@given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1), max_size=5))
def test_text_in_html_is_read_back(lines: list[str]) -> None:
    page = "<main>" + "".join(f"<p>{html.escape(line)}</p>" for line in lines) + "</main>"

    assert plain(page).splitlines() == [" ".join(line.split()) for line in lines if line.strip()]


@given(st.text(max_size=300))
def test_no_page_breaks_the_reader(page: str) -> None:
    assert drift("p", page).sentences >= 0


def test_a_report_names_what_no_claim_covers() -> None:
    page: PageDrift = drift("p", "We keep nothing.")

    found = assessed(gathered={"PageDrift": page})

    told = [gap.reason for gap in found.unseen if gap.what == "security page"]
    assert told[0] == "it says what no claim covers: We keep nothing."
    assert len(told) == 3


def test_the_command_says_what_drifted(tmp_path: Path, gateproof: Command) -> None:
    page = tmp_path / "page.txt"
    page.write_text("We sell nothing.")
    empty = tmp_path / "empty.html"
    empty.write_text("<script>1</script>")

    drifted, nothing, missing = (gateproof("page", path) for path in (page, empty, tmp_path / "none"))

    assert drifted.returncode == 1
    assert "covered by no claim: 'We sell nothing.'" in drifted.stdout
    assert (nothing.returncode, missing.returncode) == (2, 2)
    assert "holds no text" in nothing.stderr
    assert "cannot be read" in missing.stderr
