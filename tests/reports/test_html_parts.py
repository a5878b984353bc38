"""The parts of the HTML report: their order, and what becomes of them without data."""

from pathlib import Path

import msgspec
import pytest

from conformance.model.results import Results
from conformance.waivers import load
from reports.contents import VERIFICATION, waived_until, waiver
from reports.html import render
from tests.reports.sample import sample_results
from tests.reports.sample_checks import MARKUP
from tests.reports.test_html import Page, bare
from tests.reports.whole import whole_results


@pytest.fixture(scope="module")
def whole() -> Page:
    return Page(render(whole_results()))


def page(**changes: object) -> Page:
    return Page(render(msgspec.structs.replace(whole_results(), **changes)))


def sections(shown: Page) -> list[str]:
    return [a["aria-labelledby"] for tag, a in shown.elements if tag == "section"]


def test_the_parts_come_in_the_order_in_which_a_reader_needs_them(whole: Page) -> None:
    assert sections(whole) == [
        *("claims", "unseen", "findings", "passes", "attested", "exempt"),
        *("retention", "spend", "transport", "waivers", "change", "controls", "method", "evidence"),
    ]


def test_the_contents_name_just_the_parts_that_are_there(whole: Page) -> None:
    for shown in (whole, Page(render(bare()))):
        listed = [
            a["href"][1:] for tag, a in shown.elements if tag == "a" and a["href"][1:] in sections(shown)
        ]

        assert list(dict.fromkeys(listed[1:])) == sections(
            shown
        )  # the first one is the link that skips to the claims


@pytest.mark.parametrize(
    ("part", "empty", "told"),
    [
        ("transport", (), "Transport table: no TLS handshake was recorded in this run"),
        ("retention", None, "Retention map: no surface was searched"),
        ("spend", None, "Spend curves: no key was spent to its limit in this run"),
        ("waivers", None, "Waivers: no waiver file was given"),
        ("change", None, "Change since a baseline: no earlier run was named"),
    ],
)
def test_a_part_without_data_is_left_out_and_named_among_what_could_not_be_seen(
    part: str, empty: object, told: str
) -> None:
    shown = page(**{part: empty})

    assert part not in sections(shown)
    assert any(text.startswith(told) for text in shown.texts["li"])


def test_a_waiver_file_without_waivers_says_that_nothing_is_waived() -> None:
    shown = page(waivers=())

    assert "None: nothing that is broken is waived." in shown.texts["p"]


def test_waivers_show_their_days_and_expired_ones_say_so(whole: Page) -> None:
    [section] = [
        text
        for text in whole.texts["section"]
        if "A waiver changes the exit code and never the verdict: what" in text
    ]

    assert "68" in section
    assert "expired 2026-09-30 22:00:00" in section
    assert MARKUP in section


def test_a_waived_finding_says_so_and_stays_a_finding(whole: Page) -> None:
    waived = [text for text in whole.texts["article"] if "Waived as accepted-risk by J. Roe, SEC-201" in text]

    assert len(waived) == 1
    assert "✗ fail" in waived[0]
    assert "[[waiver]]" not in waived[0]


def test_a_change_names_what_is_new_and_what_was_lost(whole: Page) -> None:
    [section] = [text for text in whole.texts["section"] if "Change since run" in text]

    assert "2026-11-17T0326-11aa" in section
    assert "retention.logs-hold-no-content" in section


def test_a_claim_stands_beside_its_norms_and_its_strongest_evidence(whole: Page) -> None:
    rows = [text for text in whole.texts["tr"] if text.strip().startswith("T1\n")]

    assert any("RFC 9325, 3.1.1: met" in row and "TlsMatrix" in row for row in rows)


def test_a_finding_is_expected_by_a_requirement_with_an_id(whole: Page) -> None:
    assert "Expected, by claim T1 and RFC 9325, 3.1.1" in whole.texts["h4"]


def test_a_finding_can_be_mended_and_waived_from_the_page() -> None:
    results = sample_results()
    finding = msgspec.structs.replace(results.checks[0], id="transport.tls12-is-refused")
    shown = Page(render(msgspec.structs.replace(results, checks=(finding,))))

    text = "".join(shown.texts["pre"])
    assert "ssl_protocols TLSv1.3;" in text
    assert "tls_minimum_protocol_version: TLSv1_3" in text
    assert 'check = "transport.tls12-is-refused"' in text
    assert "expires = 2027-02-22T00:00:00Z" in text  # 90 days after the run


def test_a_pass_says_on_how_many_facts_of_which_kind_it_rests(whole: Page) -> None:
    [passes] = [text for text in whole.texts["section"] if "The positive evidence of each pass" in text]

    assert "1,204 facts (answers searched)" in passes


def test_the_cover_says_who_authorised_it(whole: Page) -> None:
    assert "J. Roe, SEC-114, until 2027-01-31" in whole.texts["header"][0]
    assert "nobody is named" in Page(render(sample_results())).texts["header"][0]


def test_the_index_ends_with_three_commands_that_check_it(whole: Page) -> None:
    commands = [command for _, command in VERIFICATION]

    assert len(commands) == 3
    assert set(commands) <= set(whole.texts["pre"])


@pytest.mark.parametrize("results", [whole_results(), bare()], ids=["whole", "bare"])
def test_every_part_is_named_by_its_own_heading(results: Results) -> None:
    shown = Page(render(results))
    headings = [a["id"] for tag, a in shown.elements if tag == "h2"]

    assert headings == sections(shown)


def test_a_waiver_from_the_page_can_be_completed_and_used(tmp_path: Path) -> None:
    check = "transport.tls12-is-refused"
    text = waiver(check, waived_until(sample_results()))
    place = tmp_path / "waivers.toml"
    for key in ("owner", "reason", "ticket"):
        text = text.replace(f'{key} = ""', f'{key} = "x"')
    place.write_text(text)

    [read] = load(place, {check})

    assert (read.check, read.kind, read.expires) == (check, "accepted-risk", "2027-02-22T00:00:00+00:00")
