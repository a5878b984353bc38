"""S2: the usage behind the limits is true."""

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.evidence import Unobserved
from conformance.model.money import from_usd, in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend import Attempt, SpendWorkload, UsageRow, UsageTruth
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict


@check(
    "spend.usage-equals-the-bill",
    claim="S2",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Charge what the provider's final usage object says, for streams too, once, to the key that called.",
)
def usage_equals_the_bill(truth: UsageTruth, declared: Declared) -> Verdict:
    """Recorded usage equals the provider's bill, for plain calls and streams.

    A limit is only as good as the sum that is compared with it; what is not recorded is never limited.
    """
    return _twice(_usage_equals_the_bill, truth, declared)


def _usage_equals_the_bill(truth: UsageTruth, declared: Declared) -> Verdict:
    rows = [row for row in truth.rows if row.after in {"plain calls", "streams", "a plain call again"}]
    refused = next((row for row in truth.rows if row.after == "provider refusals"), None)
    # What a wrongly charged refusal added is the next check's finding, not this one's.
    surplus = _surplus(truth, refused)
    for row in rows:
        later = row.after == "a plain call again"
        if (verdict := _differs(row, surplus if later else 0, truth, declared)) is not None:
            return verdict
    if (doubt := _unread(truth)) is not None:
        return doubt
    if len(rows) < 3:  # plain calls, streams, and a plain call again
        return Inconclusive(
            because=f"only {len(rows)} of 3 kinds of calls were made",
            decide="repeat the audit",
            cites=(truth,),
        )
    lag = max(row.lag_ms for row in rows)
    return Pass(
        because=f"{sum(row.calls for row in rows)} calls, {in_usd(rows[-1].bill)} billed and recorded; recorded within {lag} ms",
        cites=(truth,),
    )


@check(
    "spend.provider-refusals-are-free",
    claim="S2",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Settle at zero where the provider answered completely with an error: nothing was generated.",
)
def provider_refusals_are_free(
    truth: UsageTruth, declared: Declared, tried: SpendWorkload | Unobserved
) -> Verdict:
    """A call that the provider refused completely is not charged.

    Whoever pays for refusals pays for nothing, and an attacker can use up a limit with them.
    """
    verdict = _twice(_provider_refusals_are_free, truth, declared)
    # Where usage is wrong anyway, what else was added to it says nothing of refusals.
    elsewhere = (_usage_equals_the_bill, _nobody_pays_for_somebody_else)
    if isinstance(verdict, Fail) or any(isinstance(judged(truth, declared), Fail) for judged in elsewhere):
        return verdict
    return verdict if isinstance(tried, Unobserved) else _failures_charged(tried, declared) or verdict


def _failures_charged(tried: SpendWorkload, declared: Declared) -> Fail | None:
    """Complete refusals of other kinds that were charged, if any: overload and breakdown at the provider."""
    for attempt in tried.of("refusal"):
        billed = sum(call.cost > 0 for call in attempt.calls)
        charged = 0 if attempt.recorded is None else attempt.recorded - attempt.bill()
        if charged > _unit(declared, billed):
            return Fail(
                because=f"{attempt.name} were charged {in_usd(charged)}",
                expected="nothing is charged for a complete refusal",
                observed=f"{in_usd(attempt.recorded or 0)} recorded for {in_usd(attempt.bill())} billed",
                cites=(tried,),
                reproduction=f"make a key, make {attempt.name} and one plain call, and read the key's usage",
            )
    return None


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
    plain = _usage_equals_the_bill(truth, declared)
    if not isinstance(plain, Pass):
        return Inconclusive(
            because=f"usage is not known to be true for plain calls: {plain.because}",
            decide="see the check of plain calls",
            cites=(truth, tried),
        )
    short = [a for a in told if a.bill() - (a.recorded or 0) > _unit(declared, a.reached())]
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


def _provider_refusals_are_free(truth: UsageTruth, declared: Declared) -> Verdict:
    row = next((row for row in truth.rows if row.after == "provider refusals"), None)
    before = next((r for r in truth.rows if r.after == "streams"), None)
    if row is None or before is None or row.recorded is None or before.recorded is None:
        return Inconclusive(
            because="usage could not be read", decide="check `read` in the dialect", cites=(truth,)
        )
    charged = row.recorded - before.recorded - (row.bill - before.bill)
    # Usage that was still on its way when the row before was read is no charge for refusals.
    late = max(0, before.bill - before.recorded)
    if charged > late + _unit(declared, row.billed_calls):
        return Fail(
            because=f"{row.calls} calls that the provider refused were charged {in_usd(charged)}",
            expected="nothing is charged for a complete refusal",
            observed=f"{in_usd(before.recorded)} recorded before, {in_usd(row.recorded)} after",
            cites=(truth,),
        )
    if row.reached < row.calls:
        return Inconclusive(
            because=f"only {row.reached} of {row.calls} calls reached the provider to be refused",
            decide="repeat the audit",
            cites=(truth,),
        )
    if (doubt := _blurred(charged, row, truth, declared)) is not None:
        return doubt
    if not _recording(truth):
        return Inconclusive(
            because="usage did not move after the next plain call either, so its standing still proves nothing",
            decide="raise `claims.usage_lag` to what the gateway really takes",
            cites=(truth,),
        )
    return Pass(
        because=f"{row.calls} refused calls, nothing charged; the next served call was", cites=(truth,)
    )


@check(
    "spend.nobody-pays-for-somebody-else",
    claim="S2",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Attribute usage to the key that was authenticated, and to nothing that the caller writes.",
)
def nobody_pays_for_somebody_else(truth: UsageTruth, declared: Declared) -> Verdict:
    """Calls of one key are not charged to another.

    A shared sum lets one customer block, or bill, another.
    """
    return _twice(_nobody_pays_for_somebody_else, truth, declared)


def _nobody_pays_for_somebody_else(truth: UsageTruth, declared: Declared) -> Verdict:
    row = next((row for row in truth.rows if row.after == "calls of a sibling"), None)
    before = next((r for r in truth.rows if r.after == "provider refusals"), None)
    if row is None or before is None or row.recorded is None or before.recorded is None:
        return Inconclusive(
            because="usage could not be read", decide="check `read` in the dialect", cites=(truth,)
        )
    charged = row.recorded - before.recorded - (row.bill - before.bill)
    late = max(0, before.bill - before.recorded)
    if charged > late + _unit(declared, row.billed_calls):
        return Fail(
            because=f"calls of another key were charged {in_usd(charged - late)} to this one",
            expected="no change",
            observed=f"{in_usd(before.recorded)} before, {in_usd(row.recorded)} after",
            cites=(truth,),
        )
    if not row.reached or not _recording(truth):
        return Inconclusive(
            because="the sibling was not served, or usage never moved",
            decide="repeat the audit",
            cites=(truth,),
        )
    if (doubt := _blurred(charged, row, truth, declared)) is not None:
        return doubt
    return Pass(
        because="a sibling's calls, in this key's name too, changed nothing; the key's own next call did",
        cites=(truth,),
    )


def _blurred(charged: int, row: UsageRow, truth: UsageTruth, declared: Declared) -> Inconclusive | None:
    """Why it cannot be told what more was recorded than the key's own calls cost: some of what was missing before, or a charge
    for what is judged here. Where nothing is missing any more, it was what had been missing.
    """
    unit = _unit(declared, row.billed_calls)
    if charged <= unit or abs((row.recorded or 0) - row.bill) <= unit:
        return None
    return Inconclusive(
        because=f"{in_usd(charged)} more was recorded, but some of the bill had been missing before, and still is",
        decide="mend what is recorded too little, or raise `claims.usage_lag` to what the gateway really takes",
        cites=(truth,),
    )


def _twice(
    judged: Callable[[UsageTruth, Declared], Verdict], truth: UsageTruth, declared: Declared
) -> Verdict:
    """A verdict that stands: what fails must fail again in the replay, since it hangs on when usage was read."""
    verdict = judged(truth, declared)
    if not isinstance(verdict, Fail) or not truth.replayed:
        return verdict
    again = judged(structs.replace(truth, rows=truth.replayed, replayed=()), declared)
    if isinstance(again, Fail):
        return replace(verdict, observed=f"{verdict.observed}; reproduced 2 of 2", cites=(truth,))
    return Inconclusive(
        because=f"seen once and not again: {verdict.because}",
        decide="raise `claims.usage_lag` to what the gateway really takes, and repeat the audit",
        cites=(truth,),
    )


def _differs(row: UsageRow, surplus: int, truth: UsageTruth, declared: Declared) -> Fail | None:
    if row.recorded is None or row.reached == 0:
        return None
    difference = row.recorded - surplus - row.bill
    if abs(difference) <= _unit(declared, row.billed_calls):
        return None
    way = "more" if difference > 0 else "less"
    lag = declared.promises.usage_lag
    return Fail(
        because=f"after {row.after}, {in_usd(abs(difference))} {way} is recorded than the provider billed",
        expected=f"{in_usd(row.bill)} within {lag:g} s",
        observed=f"{in_usd(row.recorded)}",
        cites=(truth,),
        reproduction="make a key, make the calls, add up the provider's usage objects at list price, and read the key's usage",
    )


def _surplus(truth: UsageTruth, refused: UsageRow | None) -> int:
    if refused is None or refused.recorded is None:
        return 0
    return max(0, refused.recorded - refused.bill)


def _unread(truth: UsageTruth) -> Inconclusive | None:
    if any(row.recorded is None for row in truth.rows):
        why = "the gateway told no usage"
    elif not truth.rows or not truth.rows[-1].bill or any(row.reached < row.calls for row in truth.rows):
        why = "not every call reached the provider"
    elif truth.price.source == "measured":
        return Inconclusive(
            because="the price was measured from the same records that it would have to prove",
            decide="declare `prompt_price` and `completion_price` of the model",
            cites=(truth,),
        )
    else:
        return None
    return Inconclusive(
        because=why, decide="check `read` in the dialect and repeat the audit", cites=(truth,)
    )


def _recording(truth: UsageTruth) -> bool:
    """Control: usage moves when it must."""
    if len(truth.rows) < 2:
        return False
    last, before = truth.rows[-1], truth.rows[-2]
    return last.recorded is not None and before.recorded is not None and last.recorded > before.recorded


def _unit(declared: Declared, calls: int) -> int:
    """What rounding may add or take: one unit of the usage API per call that was billed."""
    return max(1, calls) * from_usd(declared.promises.usage_unit)
