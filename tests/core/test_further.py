"""A look further than the declared access goes can break a claim, and leaves none open."""

import msgspec
import pytest

from conformance.assess import assess
from conformance.catalogue import checks
from conformance.judge import Finding
from conformance.kills import KillMatrix
from conformance.target import ACCESS
from tests.core.made import declared, finding, record

_NEARER = tuple(name for name in ACCESS if name != "processes")


def _verdict(further: str, others: str, access: tuple[str, ...]) -> str:
    """The verdict of Z1 where the checks that look further say one thing, and its others another."""
    own = [c for c in checks() if c.claim == "Z1" and c.deciding]
    said: list[Finding] = [finding(c, further if c.further else others) for c in own]
    results = assess(
        declared=msgspec.structs.replace(declared("Z1"), access=(*_NEARER, *access)),
        record=record(),
        findings=said,
        gathered={},
        digests={},
        kills=KillMatrix(),
    )
    return next(c.verdict for c in results.claims if c.id == "Z1")


@pytest.mark.parametrize(
    ("further", "others", "access", "verdict"),
    [
        ("inconclusive", "pass", (), "pass"),
        ("inconclusive", "pass", ("processes",), "inconclusive"),
        ("inconclusive", "inconclusive", (), "inconclusive"),
        ("inconclusive", "fail", (), "fail"),
        ("fail", "pass", (), "fail"),
        ("fail", "inconclusive", (), "fail"),
        ("pass", "pass", (), "pass"),
        ("pass", "inconclusive", (), "inconclusive"),
        ("pass", "pass", ("processes",), "pass"),
    ],
)
def test_what_could_not_be_seen_further_leaves_a_claim_open_only_where_its_access_is_declared(
    further: str, others: str, access: tuple[str, ...], verdict: str
) -> None:
    assert _verdict(further, others, access) == verdict


def test_no_claim_rests_on_looks_further_alone() -> None:
    deciding = [c for c in checks() if c.deciding]

    assert {c.claim for c in deciding if c.further} <= {c.claim for c in deciding if not c.further}
