"""What every absurd limit comes to on two makes of key API: refused, strict, or no limit and said to be none."""

from pathlib import Path

import pytest

from conformance.checks.overspending import absurd_limits_grant_nothing
from conformance.model.spend import Attempt, SpendWorkload
from conformance.probes.spending.absurd import BEYOND, NOTHING, beyond, fine, nothing
from conformance.probes.spending.oracle import AMPLE
from conformance.session import Session
from tests.checks.made import PRICE, declared, word
from tests.probes.retention.conftest import play, staged, standing
from tests.twins.registry import Host

# As an operator reads it: what became of the key, and whether calls on it were served.
_REFUSED, _STRICT, _NONE = "refused", "nothing is served", "no limit, and said to be none"
_SAID: dict[Host, dict[str, str]] = {
    "reference": {
        "0": _STRICT,
        "null": _NONE,
        **dict.fromkeys(("-1", "0.00000000000000000001", "NaN", "-1e309"), _REFUSED),
        **dict.fromkeys(("1e309", "Infinity", "9223372036854775808"), _REFUSED),
        "fine": _REFUSED,
    },
    "second": {
        "0": _STRICT,
        "0.00000000000000000001": _STRICT,
        "null": _NONE,
        **dict.fromkeys(("-1", "NaN", "-1e309"), _REFUSED),
        **dict.fromkeys(("1e309", "Infinity", "9223372036854775808"), _REFUSED),
        "fine": "held to the last unit",
    },
}


async def _tried(session: Session) -> dict[str, Attempt]:
    ample = await session.keys().create("ample", AMPLE)
    limit = 10**9  # picodollars: a tenth of a cent
    tried = {text: await nothing(session, ample, text) for text in NOTHING}
    tried |= {text: await beyond(session, ample, text) for text in BEYOND}
    return {**tried, "fine": await fine(session, ample, limit)}


def _became(attempt: Attempt) -> str:
    if attempt.created.startswith("refused (4"):
        return _REFUSED
    if attempt.out_of_reach:
        return (
            _NONE if attempt.created == "made, read back as no limit" and attempt.bill() else attempt.created
        )
    if not attempt.reached():
        return _STRICT
    return "held to the last unit" if 0 < attempt.bill() <= attempt.limit else "exceeded"


@pytest.mark.parametrize("host", ["reference", "second"])
def test_what_absurd_limits_come_to(tmp_path: Path, host: Host) -> None:
    async def scene(target_file: Path) -> dict[str, Attempt]:
        async with staged(target_file, sample=3) as stage:
            return await _tried(stage.session)

    with standing(host, tmp_path) as (_, target_file):
        tried = play(lambda: scene(target_file))

    assert {text: _became(attempt) for text, attempt in tried.items()} == _SAID[host]
    judged = SpendWorkload(price=PRICE, attempts=tuple(tried.values()))
    assert word(absurd_limits_grant_nothing(judged, declared())) == "pass"
