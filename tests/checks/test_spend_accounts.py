"""S1 above keys and across models: the bill of all calls decides, and where there is nothing of the kind, that is said."""

from typing import Any

import pytest
from msgspec import structs

from conformance.checks.spend_accounts import account_limits_hold
from conformance.checks.spend_models import every_model_is_limited_by_its_price
from conformance.model.preflight import Price
from conformance.model.spend import Scenario
from conformance.model.spend_accounts import ModelTried, SpendAccounts, SpendModels
from conformance.model.verdict import Fail, Pass
from tests.checks.made import BROKEN, COST, LIMIT, PRICE, SERVED, SILENT, declared, scenario, spent, word
from tests.checks.test_overspending import NOT_TAKEN, OVER, attempt

_DEAR = Price(model="dear", source="declared", prompt=20, completion=40)


def _together() -> Scenario:
    return structs.replace(scenario(), at_once=24)


def _accounts(*scenarios: Any, **more: Any) -> SpendAccounts:
    return SpendAccounts(price=PRICE, scenarios=scenarios, **({"ample_in_flight": 8} | more))


def _models(*attempts: Any, **more: Any) -> SpendModels:
    tried = tuple(ModelTried(name="dear", price=_DEAR, attempt=one) for one in attempts)
    return SpendModels(tried=tried, **more)


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (_accounts(scenario()), "pass"),
        (_accounts(scenario(), _together()), "pass"),
        (_accounts(scenario(), scenario(OVER)), "fail"),
        # A breach needs no control …
        (_accounts(scenario(OVER, ample_before=False, ample_after=False, revived=False)), "fail"),
        (_accounts(remade=scenario(OVER)), "fail"),
        # … holding does.
        (_accounts(scenario(ample_before=False)), "inconclusive"),
        (_accounts(scenario(ample_after=False)), "inconclusive"),
        (_accounts(scenario(revived=False)), "inconclusive"),
        (_accounts(scenario(revived=None)), "pass"),
        (_accounts(scenario(*SERVED, BROKEN, revived=None)), "inconclusive"),
        (_accounts(scenario(*SERVED)), "inconclusive"),
        (_accounts(scenario(*SERVED, SILENT)), "inconclusive"),
        (_accounts(scenario(NOT_TAKEN)), "inconclusive"),
        (_accounts(_together(), ample_in_flight=1), "inconclusive"),
        # Where there are no accounts, that was seen; where nothing was seen, nothing is said.
        (_accounts(told="404"), "not-applicable"),
        (_accounts(remade=scenario()), "not-applicable"),
        (_accounts(), "inconclusive"),
    ],
)  # fmt: skip
def test_accounts_are_judged_by_the_bill_of_all_their_keys(seen: SpendAccounts, verdict: str) -> None:
    assert word(account_limits_hold(seen, declared())) == verdict


def test_what_a_soft_limit_tolerates_is_no_breach() -> None:
    seen = _accounts(scenario(*SERVED, spent(cost=2 * COST), *scenario().refusals()))

    strict, soft = (account_limits_hold(seen, declared(soft_limit=amount)) for amount in ("0", "0.00000001"))

    assert seen.scenarios[0].bill() > LIMIT
    assert isinstance(strict, Fail)
    assert isinstance(soft, Pass)
    assert "tolerates" in soft.because


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (_models(attempt(family="model")), "pass"),
        (_models(attempt(OVER, family="model")), "fail"),
        (_models(attempt(family="model"), attempt(OVER, family="model", trouble="time ran out")), "fail"),
        (_models(attempt(NOT_TAKEN, alike=NOT_TAKEN, family="model")), "pass"),
        (_models(attempt(*SERVED, family="model")), "inconclusive"),
        (_models(attempt(revived=False, family="model")), "inconclusive"),
        (_models(only="cheap"), "not-applicable"),
        (_models(left_out=("dear: nobody knows what it costs",)), "inconclusive"),
        (_models(), "inconclusive"),
    ],
)  # fmt: skip
def test_further_models_are_judged_at_their_own_price(seen: SpendModels, verdict: str) -> None:
    assert word(every_model_is_limited_by_its_price(seen, declared())) == verdict


def test_a_finding_names_the_price_that_was_reckoned_with() -> None:
    found = every_model_is_limited_by_its_price(_models(attempt(OVER, family="model")), declared())

    assert isinstance(found, Fail)
    assert "declared: $0.00000000002 for a prompt token" in found.because
