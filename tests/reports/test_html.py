"""The HTML report: true to its results, closed to the network, deaf to the target."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise

import msgspec
import pytest

from conformance.model.results import Results
from reports.html import render
from tests.reports.sample import sample_results
from tests.reports.sample_checks import BREAKOUT, MARKUP, check
from tests.reports.whole import many_findings, whole_results

_OUR_TAGS = frozenset(
    """html head meta title link style script body header nav main section article footer h1 h2 h3 h4 p
    ul ol li dl dt dd div span pre code b strong bdi br time a table caption thead tbody tfoot tr th td
    details summary fieldset legend label input svg line polyline path circle rect text""".split()  # noqa: SIM905 - a wall of quotes would hide a wrong one
)
_VOID = {"meta", "link", "br", "input"}


class Page(HTMLParser):
    """A parsed report: its elements in order, their texts by tag; every tag must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.texts[tag][-1] += data

    def text(self) -> str:
        return "".join(self.texts["body"])

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]


@pytest.fixture(scope="module")
def html() -> str:
    return render(sample_results())


@pytest.fixture(scope="module", params=["sample", "whole"])
def page(request: pytest.FixtureRequest, html: str) -> Page:
    return Page(html if request.param == "sample" else render(whole_results()))


def bare() -> Results:
    """An audit that saw nothing at all."""
    full = sample_results()
    run = msgspec.structs.replace(full.run, leftovers=(), started="", finished="")
    gate = msgspec.structs.replace(full.gate, claims=(), exit_code=3)
    return msgspec.structs.replace(full, run=run, gate=gate, claims=(), checks=(), unseen=())


def saying(observed: str) -> Page:
    """The report of one finding in which the target said this."""
    finding = check(
        "x.y",
        claim="T1",
        title="t",
        severity="low",
        verdict="fail",
        because="b",
        sees=("Seen",),
        observed=observed,
    )
    return Page(render(msgspec.structs.replace(bare(), checks=(finding,))))


def policy(page: Page) -> str:
    return next(a["content"] for _, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")


def csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_the_one_style_and_the_one_script_of_the_page_and_nothing_else(page: Page) -> None:
    [style], [script] = page.texts["style"], page.texts["script"]

    assert policy(page).split("; ") == [
        "default-src 'none'",
        f"style-src {csp_hash(style)}",
        f"script-src {csp_hash(script)}",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_policy_stands_before_everything_it_governs(page: Page) -> None:
    tags = [
        tag
        for tag, attributes in page.elements
        if tag in {"style", "script", "link"} or "http-equiv" in attributes
    ]

    assert tags == ["meta", "link", "style", "script"]


def test_the_page_refers_to_nothing_outside_itself(page: Page) -> None:
    assert {value[:1] for value in page.values("href")} == {"#", "d"}
    assert [value for value in page.values("href") if value.startswith("d")] == ["data:,"]
    assert page.values("src") == []
    assert "url(" not in page.texts["style"][0]
    assert "@import" not in page.texts["style"][0]
    assert not re.search(r"fetch|XMLHttpRequest|import\b|innerHTML|eval", page.texts["script"][0])


def test_every_link_leads_somewhere_and_no_name_is_given_twice(page: Page) -> None:
    names = page.values("id")

    assert len(names) == len(set(names))
    assert {value[1:] for value in page.values("href") if value.startswith("#")} <= set(names)
    assert set(page.values("aria-labelledby")) <= set(names)


def test_no_attribute_carries_style_or_script(page: Page) -> None:
    names = {name for _, attributes in page.elements for name in attributes}

    assert "style" not in names
    assert not {name for name in names if name.startswith("on")}


def test_the_page_speaks_a_language_and_can_be_walked_by_its_headings(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]

    assert page.elements[0] == ("html", {"lang": "en"})
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_header_cell_has_a_scope_and_every_table_a_caption(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]

    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
    assert tags.count("caption") == tags.count("table") > 0


def test_what_the_target_says_becomes_no_element(page: Page) -> None:
    assert {tag for tag, _ in page.elements} <= _OUR_TAGS
    assert len(page.texts["script"]) == 1
    assert MARKUP in page.text()
    assert BREAKOUT in "".join(page.texts["pre"])


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("user\u202egnp.exe", "user<U+202E>gnp.exe"),
        ("a\u2066b\u2069", "a<U+2066>b<U+2069>"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("nul\x00 esc\x1b[31m", "nul<U+0000> esc<U+001B>[31m"),
        ("half a pair: \ud800", "half a pair: <U+D800>"),
        ("&lt;b&gt;", "&lt;b&gt;"),
        ("{{ 7 * 7 }}", "{{ 7 * 7 }}"),
    ],
)
def test_what_the_target_says_is_shown_as_it_is(said: str, shown: str) -> None:
    page = saying(said)

    assert shown in page.texts["pre"]


def test_a_hostile_name_of_the_target_stays_a_name() -> None:
    results = sample_results()
    target = msgspec.structs.replace(
        results.target, name=f"\u202e{BREAKOUT}", base_urls=("javascript:alert(1)",)
    )

    page = Page(render(msgspec.structs.replace(results, target=target)))

    assert page.texts["h1"] == [f"<U+202E>{BREAKOUT}"]
    assert page.texts["title"] == [f"<U+202E>{BREAKOUT}: security claims, audited"]
    assert not [value for value in page.values("href") if "javascript" in value]


def test_a_very_long_answer_is_cut_and_says_so(html: str) -> None:
    assert len(html) < 150_000
    assert re.search(r"A{1000}A* … \[cut: 98,\d\d\d more characters, whole in results\.json\]", html)


def test_every_claim_and_every_check_has_its_place(page: Page) -> None:
    results = sample_results()
    names, text = page.values("id"), page.text()

    assert {f"claim-{claim.id}" for claim in results.claims} <= set(names)
    assert {f"check-{check.id}" for check in results.checks} <= set(names)
    for claim in results.claims:
        assert claim.title in text
        assert claim.because in text
    for result in results.checks:
        assert result.title in text
        assert result.because in text


def test_every_piece_of_evidence_stands_in_the_index_with_its_whole_digest(page: Page) -> None:
    cited = {reference for check in sample_results().checks for reference in check.evidence}

    assert {reference.sha256 for reference in cited} <= set(page.texts["code"])
    assert {reference.path for reference in cited} <= set(page.texts["code"])


def test_the_cover_says_what_was_audited_when_and_at_what_cost(page: Page) -> None:
    [cover] = page.texts["header"]
    results = sample_results()

    for fact in (
        results.target.name,
        "staging",
        *results.target.base_urls,
        "2026-11-24 03:26:00 to 2026-11-24 04:37:12 (1 h 11 min 12 s)",
        "12,841 requests; $0.000239",
        results.gate.sentence,
        "Exit code 1",
        results.kill_matrix,
        "Gateproof 0.1.0",
    ):
        assert fact in cover


def test_a_key_api_of_its_own_stands_on_the_cover() -> None:
    results = sample_results()
    url = f"https://admin.staging.example/{BREAKOUT}"
    apart = msgspec.structs.replace(results.target, admin_url=url)

    page = Page(render(msgspec.structs.replace(results, target=apart)))

    assert url in page.texts["header"][0]


def test_keys_that_may_be_alive_come_before_everything_else(page: Page) -> None:
    [cover] = page.texts["header"]

    assert cover.lstrip().startswith("Keys of this audit that may still be alive.")
    assert cover.index("gateproof-7f3a-limit-03") < cover.index("gateway.staging")


def test_without_leftovers_the_page_raises_no_alarm() -> None:
    [cover] = Page(render(bare())).texts["header"]

    assert "may still be alive" not in cover
    assert "nothing: no key of this audit is known to be alive" in cover


def test_an_interrupted_run_and_faults_of_the_suite_stand_on_the_cover() -> None:
    [cover] = Page(render(sample_results(interrupted=True, faults=("LogSweep: KeyError",)))).texts["header"]

    assert "This run was interrupted." in cover
    assert "LogSweep: KeyError" in cover
    assert "The suite itself is at fault" in cover


def test_findings_come_worst_first(page: Page) -> None:
    names = page.values("id")
    order = (
        "keys.stored-salted",
        "transport.only-tls13",
        "transport.versions-agree",
        "disclosure.errors-are-bare",
    )

    places = [names.index(f"check-{id_}") for id_ in order]

    assert places == sorted(places)


def test_no_verdict_is_told_by_colour_alone(page: Page) -> None:
    badges = {text.strip() for text in page.texts["span"] if text[:1] in "✓✗?—✎○" and text[1:2] == " "}

    assert badges >= {
        "✓ pass",
        "✗ fail",
        "? inconclusive",
        "— not applicable",
        "✎ attested",
        "○ not assessed",
    }


def test_an_attested_claim_does_not_look_like_a_pass(page: Page) -> None:
    look = {attributes["class"] for tag, attributes in page.elements if tag == "article"}

    assert {"check pass", "check attested"} <= look
    assert "Attested on paper" in page.texts["h2"]


def test_an_audit_that_saw_nothing_looks_like_one() -> None:
    text = Page(render(bare())).text()

    assert "Nothing was observed to hold." in text
    assert "No check failed. That alone is not a pass" in text
    assert "No evidence was recorded, so nothing above can be a pass." in text
    assert "This is not a pass." in text


def test_the_same_results_give_the_same_bytes(html: str) -> None:
    assert render(sample_results()).encode() == html.encode()


def test_two_hundred_findings_and_two_thousand_pieces_of_evidence_stay_one_small_file() -> None:
    html = render(many_findings(200, 2_000))

    assert html.count('<article class="check fail"') == 200
    assert html.count('id="evidence-') >= 2_000
    assert len(html.encode()) < 5_000_000
