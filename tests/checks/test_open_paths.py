"""Z1 by what anybody may ask for."""

from typing import Any

import pytest

from conformance.checks.open_paths import open_paths_show_no_content
from conformance.model.campaign import Campaign
from conformance.model.coverage import Coverage, Gap
from conformance.model.evidence import Unobserved
from conformance.model.open_paths import OpenPaths, ShownPath
from tests.checks.made import word
from tests.checks.test_retention import NOT_RUN, campaign, planted, sighting


def paths(**more: Any) -> OpenPaths:
    """Fifty paths, of which one shows something."""
    fields: dict[str, Any] = {
        "asked": 50, "answered": 50, "unanswered": (), "shown": (ShownPath(url="/metrics", status=200, bytes=9),),
        "searched": 100, "coverage": Coverage(bytes_raw=9),
    }  # fmt: skip
    return OpenPaths(**(fields | more))


@pytest.mark.parametrize(
    ("seen", "sent", "verdict"),
    [
        (paths(), campaign(), "pass"),
        (paths(shown=(), coverage=Coverage()), campaign(), "pass"),
        (paths(sightings=(sighting("user"),)), campaign(), "fail"),
        (paths(sightings=(sighting("user"),), unanswered=("/logs",)), NOT_RUN, "fail"),
        (paths(sightings=(sighting("query"),)), campaign(), "pass"),
        (paths(sightings=(planted(),)), campaign(), "pass"),
        (paths(unanswered=("/logs",), answered=49), campaign(), "inconclusive"),
        (paths(coverage=Coverage(gaps=(Gap(item="/logs", reason="cut"),))), campaign(), "inconclusive"),
        (paths(), NOT_RUN, "inconclusive"),
        (paths(searched=0), campaign(), "inconclusive"),
    ],
)
def test_content_on_open_paths(seen: OpenPaths, sent: Campaign | Unobserved, verdict: str) -> None:
    assert word(open_paths_show_no_content(seen, sent)) == verdict
