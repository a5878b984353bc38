"""Markdown for a pull request: what the target said is never more than text."""

import msgspec
import pytest
from markdown_it import MarkdownIt

from conformance.model.results import Results
from reports.markdown import code, render
from tests.reports.sample import sample_results
from tests.reports.sample_checks import BIDI, BREAKOUT
from tests.reports.test_html import Page, bare
from tests.reports.whole import many_findings, whole_results

_PARSER = MarkdownIt("gfm-like", {"linkify": False})
_HOSTILE = (
    "@everyone closes #1 ![x](https://evil.example/x.png) [y](javascript:alert(1)) <img src=x onerror=1> "
    f"| cell | www.evil.example ``` ~~~ \n# heading\n</details>{BIDI}{BREAKOUT}"
)


def page(results: Results) -> Page:
    """The comment as a page: only `<details>` and `<summary>` of ours stay markup, as on GitHub."""
    html = _PARSER.render(render(results))
    for tag in ("<br />", "<hr />"):
        html = html.replace(tag, tag.replace(" /", ""))
    return Page(f"<html><body>{html}</body></html>")


def hostile() -> Results:
    results = whole_results()
    return msgspec.structs.replace(
        results,
        target=msgspec.structs.replace(results.target, name=_HOSTILE),
        claims=tuple(msgspec.structs.replace(claim, because=_HOSTILE) for claim in results.claims),
        checks=tuple(
            msgspec.structs.replace(
                c,
                because=_HOSTILE,
                expected=_HOSTILE,
                observed=_HOSTILE,
                reproduction=_HOSTILE,
                decide=_HOSTILE,
            )
            for c in results.checks
        ),
    )


def test_the_verdict_comes_first_and_the_gated_claims_stand_in_a_table() -> None:
    shown = page(sample_results())

    assert shown.texts["h2"] == [f"✗ Gateproof: {sample_results().gate.sentence}"]
    assert {"T1", "T2", "T3", "K1", "K2", "S1", "Z1"} <= set(shown.texts["td"])


def test_a_claim_broken_outside_the_gate_is_named() -> None:
    assert "✗ fail (outside the gate)" in page(sample_results()).texts["td"]


def test_findings_carry_expected_observed_and_reproduction() -> None:
    text = page(sample_results()).text()

    assert "expected: a per-key salt of at least 64 bits" in text
    assert 'reproduce: printf %s "$KEY" | sha256sum' in text


def test_what_is_undecided_says_what_would_decide_it() -> None:
    assert "let the auditing user read the journal" in page(sample_results()).text()


def test_an_audit_that_decided_nothing_does_not_look_like_a_pass() -> None:
    text = page(bare()).text()

    assert "No claim had to be decided. This is not a pass." in text
    assert "✓" not in text


def test_whatever_the_target_says_stands_in_code_only() -> None:
    shown = page(hostile())

    assert {tag for tag, _ in shown.elements} <= {
        *(
            "html",
            "body",
            "h2",
            "h3",
            "p",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
            "pre",
            "strong",
        ),
        *("details", "summary", "ul", "li"),
    }
    assert shown.values("src") == shown.values("href") == []
    outside = shown.text()
    for inside in (*shown.texts["code"], *shown.texts["pre"]):
        outside = outside.replace(inside, "")
    assert "@everyone" not in outside
    assert "evil.example" not in outside
    assert "<U+202E>" in "".join(shown.texts["code"])


@pytest.mark.parametrize("said", ["", "`", "``", "a`b``c", "`a`", "a|b", "a\\|b", "line\nline", " a "])
def test_a_code_span_holds_whatever_stands_in_it(said: str) -> None:
    html = _PARSER.render(f"| x |\n|---|\n| {code(said)} |\n")

    shown = Page(f"<html><body>{html}</body></html>")
    [cell] = shown.texts["td"]
    assert len(shown.texts["code"]) == 1
    assert cell.strip() == " ".join(said.split())


def test_many_findings_fit_into_a_comment() -> None:
    text = render(many_findings(200, 200))

    assert len(text) < 60_000
    assert "190 more findings are in the report." in text
