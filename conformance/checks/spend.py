"""S1: spending limits on keys hold. Judged by what reached the provider, never by what the gateway says."""

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.evidence import Evidence
from conformance.model.money import from_usd, in_usd
from conformance.model.preflight import Price
from conformance.model.scale import Level, Severity
from conformance.model.spend import Attempt, Scenario, SpendRace, SpendSequential
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_FIX = (
    "Reserve the worst case of a call before it is forwarded, in one transaction with the check against the limit; "
    "settle the true cost afterwards, and charge the reservation where the outcome is unknown."
)


@check("spend.sequential-limit-holds", claim="S1", severity=Severity.CRITICAL, level=Level.OPERATOR, fix=_FIX)
def sequential_limit_holds(spent: SpendSequential, declared: Declared) -> Verdict:
    """Calls one after another never make a key's bill exceed its limit.

    A limit is what stands between a leaked key and an unbounded bill.
    """
    tolerated = tolerated_by(declared)
    for scenario in spent.scenarios:
        if over(scenario, tolerated):
            return overspent(scenario, tolerated, spent)
    if not spent.scenarios:
        return Inconclusive(
            because="no key was spent to its limit", decide="repeat the audit", cites=(spent,)
        )
    for scenario in spent.scenarios:
        if (doubt := _doubt(scenario)) is not None:
            return Inconclusive(
                because=doubt, decide="repeat the audit while the gateway serves steadily", cites=(spent,)
            )
    return Pass(
        because="; ".join(f"{s.name}: {_summary(s)}, then refused ({_told(s)})" for s in spent.scenarios)
        + beside(spent.price, tolerated),
        cites=(spent,),
    )


@check("spend.concurrent-limit-holds", claim="S1", severity=Severity.CRITICAL, level=Level.OPERATOR, fix=_FIX)
def concurrent_limit_holds(race: SpendRace, declared: Declared) -> Verdict:
    """Calls that arrive at once never make a key's bill exceed its limit.

    Whoever steals a key does not wait for one answer before asking the next question: a check that is not one step with the
    reservation lets all of them through.
    """
    tolerated = tolerated_by(declared)
    every = (*race.rounds, *([race.pipelined] if race.pipelined else ()))
    worst = max(every, key=lambda s: over(s, tolerated), default=None)
    if worst is not None and over(worst, tolerated):
        return overspent(worst, tolerated, race)
    if (doubt := _race_doubt(race)) is not None:
        return Inconclusive(
            because=doubt,
            decide="raise `limits.connections` and `limits.rate`, and repeat the audit while the gateway serves steadily",
            cites=(race,),
        )
    used = max(_percent(s.bill(), s.limit) for s in race.rounds)
    return Pass(
        because=f"{len(race.rounds)} rounds of up to {race.volley} calls at once stayed within the limit (at most {used} % "
        f"used); on an ample key {race.ample_in_flight} of them overlapped at the provider{beside(race.price, tolerated)}",
        cites=(race,),
    )


@check(
    "spend.refusals-reach-no-provider",
    claim="S1",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Decide about the limit before the request is forwarded.",
    deciding=False,
)
def refusals_reach_no_provider(spent: SpendSequential) -> Verdict:
    """A call that is refused for its limit never reaches the provider.

    What is forwarded is billed, whatever the caller is told afterwards.
    """
    refused = [call for scenario in spent.scenarios for call in scenario.refusals()]
    leaked = [call for call in refused if call.reached]
    if leaked:
        return Fail(
            because=f"{len(leaked)} of {len(refused)} refused calls had reached the provider",
            expected="no refused call at the witness",
            observed=f"{len(leaked)} refused calls, billed {in_usd(sum(call.cost for call in leaked))}",
            cites=(spent,),
        )
    if not refused:
        return Inconclusive(because="no call was refused", decide="repeat the audit", cites=(spent,))
    return Pass(because=f"none of {len(refused)} refused calls reached the provider", cites=(spent,))


def _doubt(scenario: Scenario) -> str | None:
    """Why staying within the limit would prove nothing, if so."""
    control = scenario.control
    if not any(call.served for call in scenario.calls):
        return f"{scenario.name}: no call was served"
    if not (control.ample_before and control.ample_after):
        steady = f"{scenario.name}: a key with an ample limit was not served just before and after"
        return _silent(scenario) or steady
    if not scenario.refusals():
        return f"{scenario.name}: no call was refused, so the limit was never met"
    if control.revived is None and not any(call.told.startswith("4") for call in scenario.refusals()):
        return f"{scenario.name}: the key was refused by server errors ({_told(scenario)}) only, and its limit cannot be raised"
    if control.revived is False:
        return (
            f"{scenario.name}: the refused key was not served again after its limit was raised, "
            "so it was not the limit that refused it"
        )
    return None


def _race_doubt(race: SpendRace) -> str | None:
    largest = [s for s in race.rounds if s.at_once in {1, race.volley}]
    if not largest:
        return "no race was run"
    if race.ample_in_flight < 2:
        return "calls sent at once never overlapped at the provider, even on an ample key: no race was shown to be possible"
    if race.ample_served < race.volley:
        return f"on an ample key only {race.ample_served} of {race.volley} calls at once were served"
    # In smaller rounds all calls may fit in the limit: they are there to draw how overspending grows.
    return next((doubt for scenario in largest if (doubt := _race_round_doubt(scenario)) is not None), None)


def _race_round_doubt(scenario: Scenario) -> str | None:
    return _silent(scenario) or _doubt(scenario)


def _silent(scenario: Scenario) -> str:
    """That the gateway did not answer, where it did not."""
    silent = [call for call in scenario.calls if not call.told.isdigit()]
    if not silent:
        return ""
    return f"{scenario.name}: {len(silent)} calls were not answered by the gateway ({silent[0].told})"


def _summary(scenario: Scenario) -> str:
    served = sum(call.served for call in scenario.calls)
    used = _percent(scenario.bill(), scenario.limit)
    return f"{served} calls served, {in_usd(scenario.bill())} of {in_usd(scenario.limit)} spent ({used} %)"


def _told(scenario: Scenario) -> str:
    return ", ".join(sorted({call.told for call in scenario.refusals()}))


def tolerated_by(declared: Declared) -> int:
    """What the target file lets a bill go beyond a limit, in picodollars."""
    return from_usd(declared.promises.soft_limit)


def over(tried: Attempt | Scenario, tolerated: int) -> int:
    """By how much a bill is beyond its limit, in picodollars; nothing within what is tolerated."""
    beyond = tried.bill() - tried.limit
    return beyond if beyond > tolerated else 0


def overspent(tried: Attempt | Scenario, tolerated: int, evidence: Evidence) -> Fail:
    """The finding that a limit was broken."""
    bill, limit = in_usd(tried.bill()), in_usd(tried.limit)
    share = f", {_percent(tried.bill() - tried.limit, tried.limit)} % over" if tried.limit else ""
    made = f" (the key was {tried.created})" if isinstance(tried, Attempt) and tried.created else ""
    reached = sum(call.reached for call in tried.calls)
    return Fail(
        because=f"{tried.name}: {bill} spent on a limit of {limit}{share}{made}",
        expected=f"a bill of at most {limit}{_allowed(tolerated)}",
        observed=f"{reached} calls reached the provider, billed {bill}",
        cites=(evidence,),
        reproduction=f"make a key with that limit, then: {tried.name}, {len(tried.calls)} calls with different prompts; "
        "add up the provider's usage",
    )


def _allowed(tolerated: int) -> str:
    if tolerated:
        return f" + {in_usd(tolerated)} tolerated"
    return "; where a limit is promised to be soft, its tolerance is declared as `claims.soft_limit`"


def _percent(part: int, whole: int) -> int:
    return 100 * part // max(1, whole)


def beside(price: Price, tolerated: int) -> str:
    """What a reader must know beside a pass: where prices come from, and what the target file lets a bill go beyond a limit."""
    learnt = {
        "measured": "; priced by the gateway's own usage records",
        "models endpoint": "; priced by the gateway's models endpoint",
    }
    soft = f"; the target file declares a soft limit, and tolerates {in_usd(tolerated)}" if tolerated else ""
    return learnt.get(price.source, "") + soft
