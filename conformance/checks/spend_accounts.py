"""S1 above keys: what several keys share is limited too, whichever of them spends it and whatever becomes of them."""

from collections.abc import Iterator

from conformance.catalogue import check
from conformance.checks.spend import beside, over, overspent, tolerated_by
from conformance.model.declared import Declared
from conformance.model.money import in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend import Scenario
from conformance.model.spend_accounts import SpendAccounts
from conformance.model.verdict import Inconclusive, NotApplicable, Pass, Verdict


@check(
    "spend.account-limits-hold",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    further="accounts",
    fix="Set the worst case of a call aside from its key and from all that stand above it, in one transaction; keep what was "
    "spent with the account, where no end of a key can take it away.",
)
def account_limits_hold(spent: SpendAccounts, declared: Declared) -> Verdict:
    """The keys of an account together never spend more than its limit, whichever of them are deleted and made anew.

    Whoever may make keys could otherwise spend the limit as often as there are keys.
    """
    tolerated, every = tolerated_by(declared), spent.every()
    worst = max(every, key=lambda scenario: over(scenario, tolerated), default=None)
    if worst is not None and over(worst, tolerated):
        return overspent(worst, tolerated, spent)
    if not spent.scenarios:
        return _no_accounts(spent)
    if (doubt := next(_doubts(spent), None)) is not None:
        return Inconclusive(
            because=doubt, decide="repeat the audit while the gateway serves steadily", cites=(spent,)
        )
    return Pass(because="; ".join(_held(s) for s in every) + beside(spent.price, tolerated), cites=(spent,))


def _no_accounts(spent: SpendAccounts) -> Verdict:
    if spent.told:
        return NotApplicable(
            because=f"the gateway answered the making of an account with {spent.told}", cites=(spent,)
        )
    if spent.remade is None or not spent.remade.calls:
        return Inconclusive(because="no key was spent", decide="repeat the audit", cites=(spent,))
    return NotApplicable(
        because=f"the dialect describes no accounts; {_held(spent.remade)}, a limit of its own",
        cites=(spent,),
    )


def _doubts(spent: SpendAccounts) -> Iterator[str]:
    """Why staying within the limits would prove nothing, if so."""
    for scenario in spent.scenarios:
        yield from (f"{scenario.name}: {doubt}" for doubt in _doubts_of(scenario))
    if any(s.at_once > 1 for s in spent.scenarios) and spent.ample_in_flight < 2:
        yield "calls sent at once never overlapped at the provider, even on an ample key: no race was shown to be possible"


def _doubts_of(scenario: Scenario) -> Iterator[str]:
    control, refusals = scenario.control, scenario.refusals()
    if silent := [call.told for call in scenario.calls if not call.told.isdigit()]:
        yield f"{len(silent)} calls were not answered by the gateway ({silent[0]})"
    if not any(call.served for call in scenario.calls):
        yield "no call was served"
    if not (control.ample_before and control.ample_after):
        yield "a key with an ample limit was not served just before and after"
    if not refusals:
        yield "no call was refused, so the limit was never met"
    if control.revived is None and not any(call.told.startswith("4") for call in refusals):
        yield "calls were refused by server errors only, and the limit cannot be raised"
    if control.revived is False:
        yield "a key was not served again after the account's limit was raised, so it was not that limit which refused it"


def _held(scenario: Scenario) -> str:
    served = sum(call.served for call in scenario.calls)
    return (
        f"{scenario.name}: {served} calls served, {in_usd(scenario.bill())} of {in_usd(scenario.limit)} spent"
    )
