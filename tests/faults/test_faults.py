"""One disturbed audit of every class: nothing passes that does not pass undisturbed, and nothing is lost or left unnamed.

A small selection of claims keeps it short; `make faults` audits whole gateways, good ones and twins.
"""

import pytest

from tests.faults.campaign import Campaign, Draw, draw
from tests.faults.disturbances import CLASSES
from tests.twins.registry import entry

_SEED = 11  # its draws are mild: heavy weather takes an audit minutes
_CLAIMS = ("T1", "K1", "S2")
_GATEWAYS = (entry("reference", "as-it-is"), entry("reference", "secret-in-listing"))


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """A campaign whose audits look at three claims."""
    options = ["--sample", "2", *(part for claim in _CLAIMS for part in ("--claim", claim))]
    options += [part for claim in _CLAIMS for part in ("--require", claim)]
    return Campaign(tmp_path_factory.mktemp("faults"), options)


def _lots() -> list[Draw]:
    return [draw(_SEED, number, _GATEWAYS, [name]) for number, name in enumerate(CLASSES)]


@pytest.mark.parametrize("lot", _lots(), ids=lambda lot: f"{lot.disturbance.name}-{lot.entry.name}")
def test_a_disturbed_audit_passes_nothing_more(campaign: Campaign, lot: Draw) -> None:
    outcome, complaints = campaign.hold(lot)

    assert complaints == (), f"{lot.disturbance}\n{outcome.said}"
