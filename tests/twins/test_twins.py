"""The twins, with a reduced campaign: each flaw fails exactly its own checks, odd gateways conform, broken ones decide nothing.

Every change is held against a few of them, in turns, and these are judged by the checks of the claims that they matter to;
`make exam` holds them all, with every check and a full campaign.
"""

from pathlib import Path

import pytest

from tests.twins.arena import hold, narrowed
from tests.twins.registry import Entry, entries
from tests.twins.spreading import spread, turn

_SAMPLE = 3
_CHOSEN = spread(entries(), turn())


@pytest.fixture(autouse=True)
def one_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second engine for TLS would double the time of a trial; it is proven by tests of its own."""
    monkeypatch.setenv("GATEPROOF_SSLYZE", "none")


@pytest.mark.parametrize("entry", _CHOSEN, ids=lambda entry: entry.id())
def test_a_twin_fails_exactly_the_checks_meant_for_it(entry: Entry, tmp_path: Path) -> None:
    outcome = hold(entry, tmp_path, sample=_SAMPLE, selection=narrowed(entry))

    assert outcome.right(), outcome.account()


@pytest.mark.parametrize("host", ["reference", "second"])
def test_each_host_has_its_share_of_every_kind(host: str) -> None:
    of_host = [entry for entry in entries() if entry.host == host]
    kinds = [entry.kind for entry in of_host]
    retention = [e for e in of_host if any(check.startswith("retention.") for check in e.fails)]
    traps = [e for e in of_host if e.kind == "conformant" and e.name.startswith("writes-")]

    assert kinds.count("flawed") >= 100
    assert len(retention) >= 50
    assert len(traps) >= 10
    assert kinds.count("broken") >= 4
