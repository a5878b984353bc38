"""S1 over time: what counts must outlive the process, and hold in every order of events."""

from conformance.catalogue import check
from conformance.checks.doubts import doubt_of, held_at
from conformance.checks.spend import beside, over, overspent, tolerated_by
from conformance.model.declared import Declared
from conformance.model.money import in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend import Act, Interleavings, SpendRestart
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict


@check(
    "spend.restarts-forget-nothing",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.INSTRUMENTED,
    further="restart",
    fix="Make what is spent and what is held durable before the provider is called; at the next start, charge what was open.",
)
def restarts_forget_nothing(tried: SpendRestart, declared: Declared) -> Verdict:
    """What a key had spent before an end of the gateway counts after it.

    A counter in memory makes every deployment a new budget.
    """
    tolerated = tolerated_by(declared)
    for attempt in tried.attempts:
        if over(attempt, tolerated):
            return overspent(attempt, tolerated, tried)
    doubt = next((why for attempt in tried.attempts if (why := doubt_of(attempt))), "")
    if doubt or not tried.attempts:
        return Inconclusive(
            because=doubt or "the gateway was not restarted", decide="repeat the audit", cites=(tried,)
        )
    return Pass(
        because="; ".join(held_at(attempt) for attempt in tried.attempts) + beside(tried.price, tolerated),
        cites=(tried,),
    )


@check(
    "spend.random-sequences-stay-within",
    claim="S1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    further="interleavings",
    fix="Replay the printed sequence, and make the step that goes beyond the limit one transaction with its check.",
)
def random_sequences_stay_within(played: Interleavings) -> Verdict:
    """No sequence of acts on keys, however odd, makes a bill grow beyond its limit.

    Flaws hide where a change of a limit meets a stream that was left, or a burst meets a revocation.
    """
    if played.broken:
        last = played.broken[-1]
        return Fail(
            because=f"{len(played.broken)} acts made a bill of {in_usd(last.bill)} on a limit of {in_usd(last.limit)}; played "
            f"again, they {'did so' if played.again else 'did not do so'}",
            expected=f"a bill of at most {in_usd(last.limit)}",
            observed=f"{in_usd(last.bill)} after: {last.what}",
            cites=(played,),
            reproduction="\n".join(
                [*_script(played), *(_line(n, act) for n, act in enumerate(played.broken, start=1))]
            ),
        )
    if not played.seen() and played.ended:
        return Inconclusive(
            because=f"what random sequences may take, {played.ended}, did not suffice for one call",
            decide="raise `limits.sequences` in the target file",
            cites=(played,),
        )
    if not played.seen():
        return Inconclusive(
            because="random sequences are played by the thorough profile, or when this check is asked for alone",
            decide="gateproof audit TARGET --profile thorough, or --check spend.random-sequences-stay-within",
            cites=(played,),
        )
    return Pass(
        because=f"{played.sequences} sequences of {played.acts} acts, {played.reached} calls at the provider: no bill grew "
        "beyond its limit" + (f"; the search ended at its limit of {played.ended}" if played.ended else ""),
        cites=(played,),
    )


def _script(played: Interleavings) -> tuple[str, ...]:
    """The file that plays the sequence again, where it was written."""
    return (
        (f"python3 {played.script}, in the run folder, plays this again; it says what it needs:",)
        if played.script
        else ()
    )


def _line(number: int, act: Act) -> str:
    told = f" → {act.told}" if act.told else ""
    return f"{number}. {act.what}{told}; billed so far {in_usd(act.bill)}"
