"""S2: what is recorded of calls that were refused, left or cut, and whether their keys are served on."""

from conformance.catalogue import check
from conformance.checks.usage import unit, usage_equals_the_bill
from conformance.model.declared import Declared
from conformance.model.money import in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend import Attempt, SpendWorkload, UsageTruth
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict


@check(
    "spend.room-is-served",
    claim="S2",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Release a hold in every way in which a call can end; keep holds as rows that can be found and settled, not as a sum.",
)
def room_is_served(tried: SpendWorkload) -> Verdict:
    """A key with room in its limit and nothing under way is served.

    A hold that is never given back takes from a customer what was paid for, and looks like spending that nobody can find.
    """
    looked = [a for a in tried.of("refusal") if a.room and a.recorded is not None]
    for attempt in looked:
        last, control, recorded = attempt.calls[-1], attempt.control, attempt.recorded or 0
        refused = not last.served and not last.reached and last.told.isdigit()
        # An ample key is served meanwhile, and this one once its limit is raised: then it was the limit that refused it.
        if refused and attempt.limit - recorded >= attempt.room and control.ample_after and control.revived:
            return Fail(
                because=f"after {attempt.name}, a key was refused with {in_usd(recorded)} recorded on a limit of "
                f"{in_usd(attempt.limit)}",
                expected=f"a usual call is served while {in_usd(attempt.room)} are left, as on other keys",
                observed=f"answered {last.told}, until the limit was raised",
                cites=(tried,),
                reproduction=f"make a key with that limit, make {attempt.name}, wait, and make a plain call",
            )
    if not any(attempt.calls[-1].served for attempt in looked):
        return Inconclusive(
            because="no key was served after the provider had refused its calls, or usage was not told",
            decide="repeat the audit; some gateways rest a provider that fails, which can be switched off",
            cites=(tried,),
        )
    return Pass(because="after calls that its provider refused, a key was served as before", cites=(tried,))


@check(
    "spend.unmetered-calls-are-recorded",
    claim="S2",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Where a caller left or an answer ended without usage, record the hold, or what the provider is later known to bill.",
)
def unmetered_calls_are_recorded(truth: UsageTruth, tried: SpendWorkload, declared: Declared) -> Verdict:
    """Calls that were left, cut or answered without usage are recorded at no less than their bill.

    What is missing in the records is missing on the invoice, and nobody notices that a key is used by somebody else.
    """
    told = [a for a in tried.of("abort", "fault") if a.recorded is not None and a.told_truly]
    plain = usage_equals_the_bill(truth, declared)
    if not isinstance(plain, Pass):
        return Inconclusive(
            because=f"usage is not known to be true for plain calls: {plain.because}",
            decide="see the check of plain calls",
            cites=(truth, tried),
        )
    short = [a for a in told if a.bill() - (a.recorded or 0) > unit(declared, a.reached())]
    if short:
        return _short(max(short, key=lambda a: a.bill() - (a.recorded or 0)), tried)
    if not any(a.reached() for a in told):
        return Inconclusive(
            because="no such call was served, or usage was not told",
            decide="repeat the audit",
            cites=(tried,),
        )
    most = max((a.recorded or 0) - a.bill() for a in told)
    beyond = f"; up to {in_usd(most)} more was recorded, as a hold may be" if most > 0 else ""
    return Pass(
        because=f"{len(told)} kinds of such calls, none recorded below its bill{beyond}", cites=(tried, truth)
    )


def _short(attempt: Attempt, tried: SpendWorkload) -> Fail:
    missing = attempt.bill() - (attempt.recorded or 0)
    return Fail(
        because=f"{attempt.name}: {in_usd(missing)} less is recorded than the provider billed",
        expected=f"at least {in_usd(attempt.bill())}",
        observed=in_usd(attempt.recorded or 0),
        cites=(tried,),
        reproduction=f"make a key, then {len(attempt.calls)} times: {attempt.name}; add up the provider's usage; read the key's",
    )
