"""S2: the usage behind the limits is true."""

from collections.abc import Callable
from dataclasses import replace

from msgspec import structs

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.money import from_usd, in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend import UsageRow, UsageTruth
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
def provider_refusals_are_free(truth: UsageTruth, declared: Declared) -> Verdict:
    """A call that the provider refused completely is not charged.

    Whoever pays for refusals pays for nothing, and an attacker can use up a limit with them.
    """
    return _twice(_provider_refusals_are_free, truth, declared)


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
    charged = (
        row.recorded - before.recorded - (row.bill - before.bill) - max(0, before.bill - before.recorded)
    )
    if charged > _unit(declared, row.billed_calls):
        return Fail(
            because=f"a call of another key was charged {in_usd(charged)} to this one",
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
    return Pass(because="a sibling's call changed nothing; the key's own next call did", cites=(truth,))


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
