"""The picture of spending holds what was recorded, and names the worst round."""

import msgspec

from conformance.judge import Gathered
from conformance.model.evidence import Unobserved
from conformance.model.scale import Fault
from conformance.model.spend import Attempt, Control, SpendWorkload
from conformance.spend_picture import spend_picture
from tests.checks.made import COST, LIMIT, PRICE, SERVED, declared, race, scenario, sequential


def gathered(*evidence: object) -> Gathered:
    return {type(one).__name__: one for one in evidence}  # type: ignore[misc]


def test_bills_stand_beside_limits_in_the_order_of_the_rounds() -> None:
    fast = msgspec.structs.replace(scenario(*SERVED, *SERVED), name="8 at once", at_once=8)

    found = spend_picture(gathered(race(fast), sequential(scenario())))

    assert found
    assert [(one.name, one.bill, one.limit, one.at_once) for one in found.rounds] == [
        ("one call after another", len(SERVED) * COST, LIMIT, 1),
        ("8 at once", 2 * len(SERVED) * COST, LIMIT, 8),
    ]


def test_the_worst_round_is_shown_call_by_call_as_the_calls_left() -> None:
    late, early = (msgspec.structs.replace(SERVED[0], left_ms=left) for left in (9, 2))
    over = msgspec.structs.replace(scenario(late, early, limit=1), name="over")

    found = spend_picture(gathered(sequential(scenario(), over)))

    assert found
    assert found.worst == "over"
    assert [call.left_ms for call in found.calls] == [2, 9]


def test_where_no_round_went_beyond_its_limit_the_largest_is_shown() -> None:
    together = msgspec.structs.replace(scenario(*SERVED[:2]), name="2 at once", at_once=2)

    found = spend_picture(gathered(sequential(scenario()), race(together)))

    assert found
    assert found.worst == "2 at once"


def test_a_round_whose_controls_failed_says_so() -> None:
    found = spend_picture(gathered(sequential(scenario(ample_after=False))))

    assert found
    assert [one.controlled for one in found.rounds] == [False]


def test_attempts_of_other_kinds_are_rounds_too() -> None:
    attempt = Attempt(
        name="streams that are cut",
        family="abort",
        limit=LIMIT,
        calls=tuple(
            msgspec.structs.replace(SERVED[0], left_ms=left, answered_ms=left + 25)
            for left in (0, 10, 20, 30)
        ),
        control=Control(ample_before=True, ample_after=True, revived=None),
    )

    found = spend_picture(gathered(SpendWorkload(price=PRICE, attempts=(attempt,))))

    assert found
    assert [(one.name, one.at_once) for one in found.rounds] == [("streams that are cut", 3)]


def test_the_declared_tolerance_goes_with_it() -> None:
    found = spend_picture(gathered(declared(soft_limit="0.001"), sequential(scenario())))

    assert found
    assert found.tolerated == 10**9


def test_without_calls_there_is_no_picture() -> None:
    unobserved = Unobserved(reason="no admin key", fault=Fault.OPERATOR, decide="declare one")

    assert spend_picture({}) is None
    assert spend_picture({"SpendRace": unobserved}) is None
    assert spend_picture(gathered(sequential())) is None
