"""Spending in figures, as reports show them."""

from msgspec import structs

from conformance.spend_figures import spend_figures
from conformance.spend_picture import spend_picture
from tests.checks.made import COST, LIMIT, REFUSED, SERVED, race, scenario, sequential, spent, usage

OVER = scenario(spent(cost=2 * LIMIT))


def test_the_worst_overspending_and_the_most_used_are_told() -> None:
    found = spend_figures({}, (scenario(), OVER))

    assert (found.overspent, found.overspent_percent) == (LIMIT, 100)
    assert found.most_used_percent == 200


def test_without_overspending_there_is_none() -> None:
    found = spend_figures({}, (scenario(),))

    assert (found.overspent, found.overspent_percent) == (0, 0)
    assert found.most_used_percent == 100 * 8 * COST // LIMIT


def test_refusals_are_counted_by_what_they_say() -> None:
    named = structs.replace(REFUSED, code="limit", retry=("retry-after: 1",))
    found = spend_figures({}, (scenario(*SERVED, REFUSED, named, named),))

    assert [(way.status, way.code, way.retry, way.calls) for way in found.refusals] == [
        ("402", "limit", ("retry-after: 1",), 2),
        ("402", "", (), 1),
    ]


def test_figures_stand_in_the_picture_of_a_run() -> None:
    picture = spend_picture(
        {"SpendSequential": sequential(scenario()), "SpendRace": race(), "UsageTruth": usage()}
    )

    assert picture is not None
    assert picture.figures is not None
    assert (picture.figures.priced_by, picture.figures.usage_lag_ms) == ("declared", 5)


def test_a_run_without_spending_has_no_figures() -> None:
    found = spend_figures({}, ())

    assert (found.overspent, found.refusals, found.usage_lag_ms, found.priced_by) == (0, (), None, "")
