"""The report in a real browser: closed, calm, usable without a mouse, without a script and without eyes."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open


def width_of(page: Page) -> int:
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width


@pytest.mark.parametrize("name", ["whole", "bare"])
def test_opening_it_asks_for_nothing_and_raises_no_complaint(name: str, opened: Open) -> None:
    found = opened(name)

    assert [url.rpartition("/")[2] for url in found.requests] == [f"{name}.html"]
    assert found.complaints == []


@pytest.mark.parametrize("name", ["whole", "bare"])
def test_axe_finds_nothing_to_object_to(name: str, opened: Open) -> None:
    page = opened(name).page
    page.evaluate("document.querySelectorAll('.check details').forEach((one) => (one.open = true))")

    found = Axe().run(page)

    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 20  # control: the rules ran


def test_dark_colours_have_as_much_contrast(opened: Open) -> None:
    found = Axe().run(opened("whole", scheme="dark").page, options={"runOnly": ["color-contrast"]})

    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) == 1


@pytest.mark.parametrize("width", [400, 900, 1400])
def test_nothing_sticks_out_at_any_width(width: int, opened: Open) -> None:
    assert width_of(opened("whole", width=width).page) <= width


def test_a_script_that_found_its_way_in_would_not_run(opened: Open) -> None:
    found = opened("whole")

    found.page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'owned'";
          document.body.append(script);
          const image = document.createElement("img");
          image.src = "https://gateway.example/x.png";
          document.body.append(image);
        }"""
    )

    assert "owned" not in found.page.title()
    assert sum("Content Security Policy" in complaint for complaint in found.complaints) == 2


def test_what_the_target_said_is_text_only(opened: Open) -> None:
    page = opened("whole").page

    assert page.locator("main img, main script, main iframe, main style").count() == 0
    assert page.locator("script").count() == 1
    expect(page.get_by_text('<script>alert("owned")</script>').first).to_be_visible()


def test_without_a_script_everything_can_be_read(opened: Open) -> None:
    page = opened("whole", java_script_enabled=False).page

    for part in ("Findings", "Retention map", "Transport, address by address", "Evidence index"):
        expect(page.get_by_role("heading", name=part, exact=True)).to_be_visible()
    expect(page.locator("fieldset").first).to_be_hidden()
    assert page.get_by_role("button", name=re.compile("^Copy")).count() == 0
    waiver = page.get_by_text("Waive it").first
    waiver.click()
    expect(page.get_by_text("[[waiver]]").first).to_be_visible()


def test_two_hundred_findings_can_be_narrowed_by_keyboard_and_the_count_is_announced(opened: Open) -> None:
    found = opened("many", width=400)
    page = found.page
    assert width_of(page) <= 400
    critical = page.locator("fieldset[data-filters=severity]").get_by_label("critical")

    critical.focus()
    page.keyboard.press("Space")

    expect(page.locator("fieldset[data-filters=severity] [role=status]")).to_have_text("50 of 200 findings")
    assert page.locator("article.check.fail:visible").count() == 50
    page.keyboard.press("Space")
    assert page.locator("article.check.fail:visible").count() == 200
    assert found.complaints == []


def test_claims_can_be_narrowed_by_verdict(opened: Open) -> None:
    page = opened("whole").page

    page.locator("fieldset[data-filters=verdict]").get_by_label("fail").check()

    visible = page.locator("table.claims tbody tr:visible th")
    assert visible.all_inner_texts() == ["T1", "K2", "H2"]


def test_the_first_stop_of_the_keyboard_skips_to_the_claims(opened: Open) -> None:
    page = opened("whole").page

    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the claims")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="Claims", exact=True)).to_be_focused()


def test_every_stop_of_the_keyboard_can_be_seen(opened: Open) -> None:
    page = opened("bare").page
    stops = []
    for _ in range(8):
        page.keyboard.press("Tab")
        stops.append(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))

    assert set(stops) == {"solid"}


@pytest.mark.parametrize("width", [400, 1400])
def test_a_screen_reader_finds_landmarks_headings_and_tables_at_every_width(width: int, opened: Open) -> None:
    page = opened("whole", width=width).page

    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("navigation", name="Contents").count() == 1
    table = page.get_by_role("table", name="Every claim with its verdict")
    assert table.get_by_role("columnheader").count() == 6
    assert table.get_by_role("rowheader").all_inner_texts()[:2] == ["T1", "T2"]
    assert page.get_by_role("article").count() == 11
    assert page.get_by_role("region", name="/var/log/gateway").count() == 1


def test_a_reproduction_is_copied_or_selected(opened: Open) -> None:
    page = opened("whole").page
    button = page.get_by_role("button", name="Copy the reproduction of keys.stored-salted")

    button.click()

    expect(
        page.get_by_role("button", name=re.compile("^(Copied|Selected): the reproduction"))
    ).to_be_visible()


def test_a_link_into_something_folded_unfolds_it(opened: Open) -> None:
    page = opened("whole").page
    page.evaluate("document.querySelector('details.framework table').id = 'aim'")

    page.evaluate("location.hash = 'aim'")

    expect(page.locator("#aim")).to_be_visible()


def test_on_paper_everything_is_unfolded_and_nothing_is_left_to_click(opened: Open) -> None:
    page = opened("whole").page
    page.locator("fieldset[data-filters=verdict]").get_by_label("fail").check()

    page.emulate_media(media="print")

    expect(page.locator(".check.pass details p").first).to_be_visible()
    expect(page.locator(".waive").first).to_be_hidden()
    assert page.locator("table.claims tbody tr:visible").count() == 14
    assert page.locator("nav:visible, button:visible, fieldset:visible").count() == 0


def test_the_page_can_be_printed_whole(opened: Open) -> None:
    pdf = opened("whole").page.pdf(format="A4", tagged=True)

    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 5
