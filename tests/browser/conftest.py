"""A real Chromium, Debian's, and the pages that it opens from disk."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from conformance.model.results import Results
from reports.html import render
from tests.reports.test_html import bare
from tests.reports.whole import many_findings, whole_results

RESULTS: dict[str, Callable[[], Results]] = {
    "whole": whole_results,
    "bare": bare,
    "many": lambda: many_findings(200, 2_000),
}


@dataclass
class Opened:
    """A page, and everything that it asked for or complained about since it was opened."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per module: its event loop must be gone before other tests run theirs."""
    path = shutil.which("chromium")
    assert path, "Debian's chromium is missing: tests/setup/packages.sh installs it"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page, rendered once."""
    folder = tmp_path_factory.mktemp("pages")
    for name, results in RESULTS.items():
        (folder / f"{name}.html").write_text(render(results()), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser: Browser, folder: Path) -> Iterator[Open]:
    """Opens a page by its name; `more` goes to the browser context."""
    contexts = []

    def open_(
        name: str, *, width: int = 1400, scheme: str = "light", aim: str = "", **more: object
    ) -> Opened:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            **more,  # type: ignore[arg-type]
        )
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("console", lambda message: found.complaints.append(message.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("dialog", lambda dialog: found.complaints.append(f"dialog: {dialog.message}"))
        found.page.goto(f"{(folder / name).as_uri()}.html{aim}")
        return found

    yield open_
    for context in contexts:
        context.close()
