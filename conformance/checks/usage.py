"""S2: the usage behind the limits is true."""

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.evidence import Unobserved
from conformance.model.money import from_usd, in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend import SpendWorkload, UsageRow, UsageTruth
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
    fix="Settle at zero where the provider answered completely with an error, and charge nothing where the call never left: "
    "nothing was generated.",
)
def provider_refusals_are_free(
    truth: UsageTruth, declared: Declared, tried: SpendWorkload | Unobserved
) -> Verdict:
    """A call that was refused completely, by the provider or for its limit, is not charged.

    Whoever pays for refusals pays for nothing, and an attacker can use up a limit with them.
    """
    verdict = _twice(_provider_refusals_are_free, truth, declared)
    # Where usage is wrong anyway, what else was added to it says nothing of refusals.
    elsewhere = (_usage_equals_the_bill, _nobody_pays_for_somebody_else)
    if isinstance(verdict, Fail) or any(isinstance(judged(truth, declared), Fail) for judged in elsewhere):
        return verdict
    if truth.refused is not None and truth.refused > unit(declared, 0):
        return Fail(
            because=f"calls on a key whose limit none of them fits in were refused, and charged {in_usd(truth.refused)}",
            expected="nothing is charged for a call that no provider saw",
            observed=f"{in_usd(truth.refused)} recorded on a key that never was served",
            cites=(truth,),
            reproduction="make a key with the smallest limit there is, have calls refused, and read the key's usage",
        )
    return verdict if isinstance(tried, Unobserved) else _failures_charged(tried, declared) or verdict


def _failures_charged(tried: SpendWorkload, declared: Declared) -> Fail | None:
    """Complete refusals of other kinds that were charged, if any: overload and breakdown at the provider."""
    for attempt in tried.of("refusal"):
        billed = sum(call.cost > 0 for call in attempt.calls)
        charged = 0 if attempt.recorded is None else attempt.recorded - attempt.bill()
        if charged > unit(declared, billed):
            return Fail(
                because=f"{attempt.name} were charged {in_usd(charged)}",
                expected="nothing is charged for a complete refusal",
                observed=f"{in_usd(attempt.recorded or 0)} recorded for {in_usd(attempt.bill())} billed",
                cites=(tried,),
                reproduction=f"make a key, make {attempt.name} and one plain call, and read the key's usage",
            )
    return None


def _provider_refusals_are_free(truth: UsageTruth, declared: Declared) -> Verdict:
    row = next((row for row in truth.rows if row.after == "provider refusals"), None)
    before = next((r for r in truth.rows if r.after == "streams"), None)
    if row is None or before is None or row.recorded is None or before.recorded is None:
        return Inconclusive(
            because="usage could not be read", decide="check `read` in the dialect", cites=(truth,)
        )
    charged = row.recorded - before.recorded - (row.bill - before.bill)
    # Usage that was still on its way when the row before was read is no charge for refusals.
    late = max(0, before.bill - before.recorded) + _misrecorded(row, before, truth)
    if charged > late + unit(declared, row.rounded()):
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
    late = max(0, before.bill - before.recorded) + _misrecorded(row, before, truth)
    if charged > late + unit(declared, row.rounded()):
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


def _misrecorded(row: UsageRow, before: UsageRow, truth: UsageTruth) -> int:
    """What the key's own calls between two rows add to what is recorded wrongly, where its calls before did so, too.

    Told by what streams added, where they were billed: what stood there from the beginning is no share of any call.
    """
    plain = next((each for each in truth.rows if each.after == "plain calls"), None)
    streams = next((each for each in truth.rows if each.after == "streams"), plain)
    if plain is None or streams is None or plain.recorded is None or streams.recorded is None:
        return 0
    count = streams.billed_calls - plain.billed_calls
    wrong = streams.recorded - plain.recorded - (streams.bill - plain.bill)
    wrong -= max(0, plain.bill - plain.recorded)  # it was on its way
    if count <= 0:
        count, wrong = plain.billed_calls, plain.recorded - plain.bill
    return -(-max(0, wrong) * (row.billed_calls - before.billed_calls) // count) if count else 0


def _blurred(charged: int, row: UsageRow, truth: UsageTruth, declared: Declared) -> Inconclusive | None:
    """Why it cannot be told what more was recorded than the key's own calls cost: some of what was missing before, or a charge
    for what is judged here. Where nothing is missing any more, it was what had been missing.
    """
    rounding = unit(declared, row.rounded())
    if charged <= rounding or abs((row.recorded or 0) - row.bill) <= rounding:
        return None
    why = (
        "plain calls are recorded too high already"
        if (row.recorded or 0) > row.bill
        else "some of the bill had been missing before, and still is"
    )
    return Inconclusive(
        because=f"{in_usd(charged)} more was recorded, but {why}",
        decide="mend what is recorded wrongly, or raise `claims.usage_lag` to what the gateway really takes",
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
    if abs(difference) <= unit(declared, row.rounded()):
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


def unit(declared: Declared, calls: int) -> int:
    """What rounding may add or take: one unit of the usage API per call that was billed."""
    return max(1, calls) * from_usd(declared.promises.usage_unit)
