"""The twins, with a reduced campaign: each flaw fails exactly its own checks, odd gateways conform, broken ones decide nothing.

Every change is held against a spread of them; `make exam` holds them all, with a full campaign.
"""

from pathlib import Path

import pytest

from tests.twins.arena import hold
from tests.twins.registry import Entry, entries, spread

_SAMPLE = 3
_CHOSEN = spread(16)


@pytest.fixture(autouse=True)
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second engine for TLS would double the time of a trial; it is proven by tests of its own."""
    monkeypatch.setenv("GATEPROOF_SSLYZE", "none")


@pytest.mark.parametrize("entry", _CHOSEN, ids=lambda entry: entry.id())
def test_a_twin_fails_exactly_the_checks_meant_for_it(entry: Entry, tmp_path: Path) -> None:
    outcome = hold(entry, tmp_path, sample=_SAMPLE)

    assert outcome.right(), outcome.account()


@pytest.mark.parametrize("host", ["reference", "second"])
def test_each_host_has_its_share_of_every_kind(host: str) -> None:
    kinds = [entry.kind for entry in entries() if entry.host == host]

    assert kinds.count("flawed") >= 15
    assert kinds.count("conformant") >= 4
    assert kinds.count("broken") >= 4


def test_the_spread_leaves_out_no_check_that_a_twin_of_the_host_fails() -> None:
    for host in ("reference", "second"):
        failed = {check for entry in entries() if entry.host == host for check in entry.fails}
        held = {check for entry in _CHOSEN if entry.host == host for check in entry.fails}

        assert held == failed
