"""S1 and S2, further: every other way to spend more than a limit. Judged by the provider's bill, never by what is told."""

from conformance.catalogue import check
from conformance.checks.spend import beside
from conformance.model.declared import Declared
from conformance.model.money import from_usd, in_usd
from conformance.model.scale import Level, Severity
from conformance.model.spend import Attempt, Family, SpendRestart, SpendWorkload
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict

_BUSY = {
    "429",
    "503",
}  # RFC 6585, section 4, and RFC 9110, section 15.6.4: they speak of now, not of the call


@check(
    "spend.every-billable-endpoint-is-limited",
    claim="S1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Put the reservation where every inference path passes it, not into one endpoint's handler.",
)
def every_billable_endpoint_is_limited(tried: SpendWorkload, declared: Declared) -> Verdict:
    """The limit holds on every billable endpoint, not on chat alone.

    A pass-through route that skips the budget is a key without a limit, for whoever knows the path.
    """
    return _judged(tried, declared, "endpoint", nothing="no billable endpoint but chat is declared")


@check(
    "spend.worst-case-is-set-aside",
    claim="S1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Reckon a hold from the request as it is sent on: all answers, the larger bound, the model's maximum where there is "
    "none; refuse bounds that are no positive integers, and names that stand twice.",
)
def worst_case_is_set_aside(tried: SpendWorkload, declared: Declared) -> Verdict:
    """One call that can cost more than is left is not let through.

    Several answers, no bound on tokens, a bound that parsers read differently: each makes one call cost many times what was
    checked.
    """
    return _judged(tried, declared, "worst case")


@check(
    "spend.aborted-calls-are-charged",
    claim="S1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="When a caller leaves, read the provider's answer on to its usage, or charge the whole hold; never release it.",
)
def aborted_calls_are_charged(tried: SpendWorkload, declared: Declared) -> Verdict:
    """Calls that the caller leaves early count against the limit.

    A provider bills what it made, whoever listened. Where a call that is left costs nothing, a limit is no limit.
    """
    return _judged(tried, declared, "abort")


@check(
    "spend.unmetered-answers-are-charged",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Charge the hold where an answer ends without usage that can be believed; let nothing lower what was spent.",
)
def unmetered_answers_are_charged(tried: SpendWorkload, declared: Declared) -> Verdict:
    """Answers without usage, cut ones and absurd usage do not make calls free.

    Providers forget usage, break off and have bugs; the bill comes all the same.
    """
    return _judged(tried, declared, "fault")


@check(
    "spend.models-without-a-price-are-refused",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Refuse a model whose price is not known, under whatever name it is asked for.",
)
def models_without_a_price_are_refused(tried: SpendWorkload, declared: Declared) -> Verdict:
    """No name of a model makes its calls free.

    A model that nobody priced costs nothing in the books and money at the provider.
    """
    return _judged(tried, declared, "model")


@check(
    "spend.callers-cannot-spend-as-others",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Charge the key that was authenticated; treat names in bodies and headers as labels.",
)
def callers_cannot_spend_as_others(tried: SpendWorkload, declared: Declared) -> Verdict:
    """Nothing that a caller writes into a call moves its cost away from its key.

    A limit that follows the `user` field is one that the caller chooses.
    """
    return _judged(tried, declared, "identity")


@check(
    "spend.small-sums-add-up",
    claim="S1",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Count in integers of a unit in which one token has a whole price, and round nothing before it is shown.",
)
def small_sums_add_up(tried: SpendWorkload, declared: Declared) -> Verdict:
    """Calls too small for rounding count against the limit.

    What is rounded to nothing a thousand times is a thousand calls for nothing.
    """
    return _judged(tried, declared, "small sums")


@check(
    "spend.changed-limits-keep-what-was-spent",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Change the limit alone; compare it, from the next call on, with everything that the key has spent.",
)
def changed_limits_keep_what_was_spent(tried: SpendWorkload, declared: Declared) -> Verdict:
    """Whatever is done to a limit or its key, what was spent stays spent.

    A key whose count starts anew with each change may spend its limit as often as it is changed.
    """
    nothing = "the dialect describes no way to change a limit or a key"
    return _judged(tried, declared, "changed limit", nothing=nothing)


@check(
    "spend.absurd-limits-grant-nothing",
    claim="S1",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Refuse limits that are negative or no numbers with a 4xx, and let zero mean zero.",
)
def absurd_limits_grant_nothing(tried: SpendWorkload, declared: Declared) -> Verdict:
    """A limit that no call fits in serves none, and one that is no number is refused.

    Whoever sets zero to stop a key must not have unlimited it.
    """
    nothing = "the dialect documents every such limit as meaning no limit"
    return _judged(tried, declared, "absurd limit", nothing=nothing)


def _judged(tried: SpendWorkload, declared: Declared, family: Family, *, nothing: str = "") -> Verdict:
    """A family's verdict: breaches first, then what stayed open, then what was held."""
    tolerated = from_usd(declared.promises.soft_limit)
    attempts = tried.of(family)
    broken = [attempt for attempt in attempts if attempt.bill() > attempt.limit + tolerated]
    if broken:
        return overspent(max(broken, key=lambda a: a.bill() - a.limit), tolerated, tried)
    if not attempts and nothing and tried.seen():
        return NotApplicable(because=nothing, cites=(tried,))
    doubts = [doubt for attempt in attempts if (doubt := doubt_of(attempt))]
    if doubts or not attempts:
        return Inconclusive(
            because=doubts[0] if doubts else _left_out(tried),
            decide="repeat the audit while the gateway serves steadily, with the prices of models declared",
            cites=(tried,),
        )
    held = [attempt for attempt in attempts if attempt.reached()]
    refused = [attempt for attempt in attempts if not attempt.reached()]
    parts = (
        [f"{len(held)} ways tried to the limit, which held ({'; '.join(held_at(a) for a in held[:3])})"]
        if held
        else []
    )
    parts += [f"{len(refused)} refused outright ({', '.join(a.name for a in refused)})"] if refused else []
    return Pass(because="; ".join(parts) + beside(tried.price, tolerated), cites=(tried,))


def overspent(attempt: Attempt, tolerated: int, evidence: SpendWorkload | SpendRestart) -> Fail:
    """The finding that an attempt went beyond its limit."""
    over = attempt.bill() - attempt.limit
    of = f", {100 * over // attempt.limit} % over" if attempt.limit else ""
    allowed = f" + {in_usd(tolerated)} tolerated" if tolerated else ""
    made = f" (the key was {attempt.created})" if attempt.created else ""
    return Fail(
        because=f"{attempt.name}: {in_usd(attempt.bill())} spent on a limit of {in_usd(attempt.limit)}{of}{made}",
        expected=f"a bill of at most {in_usd(attempt.limit)}{allowed}",
        observed=f"{attempt.reached()} calls reached the provider, billed {in_usd(attempt.bill())}",
        cites=(evidence,),
        reproduction=f"make a key with that limit, then: {attempt.name}, {len(attempt.calls)} calls with different prompts; "
        "add up the provider's usage",
    )


def doubt_of(attempt: Attempt) -> str:
    """Why staying within the limit would prove nothing of this attempt; empty where it does."""
    control = attempt.control
    if attempt.trouble:
        return f"{attempt.name}: {attempt.trouble}"
    if attempt.created.startswith("refused"):
        return (
            ""
            if control.ample_before
            else f"{attempt.name}: a key with an ample limit was not served beside it"
        )
    if not (control.ample_after and (control.ample_before or attempt.alike)):
        return f"{attempt.name}: a key with an ample limit was not served before and after"
    if control.revived is False:
        return f"{attempt.name}: the key was not served again after its limit was raised, so it was not the limit that refused it"
    if attempt.alike is not None and not attempt.alike.reached:
        told = attempt.alike.told
        busy = not told.isdigit() or told in _BUSY
        return f"{attempt.name}: such a call was not taken for another reason ({told})" if busy else ""
    return _undecided(attempt)


def _undecided(attempt: Attempt) -> str:
    """Of an attempt whose calls the gateway takes: whether its limit was met."""
    if attempt.one_leap:
        return (
            ""
            if attempt.calls[-1].told.isdigit()
            else f"{attempt.name}: it was not answered ({attempt.calls[-1].told})"
        )
    if not attempt.refusals():
        return f"{attempt.name}: no call was refused, so the limit was never met"
    if attempt.control.revived is None and not any(call.told.startswith("4") for call in attempt.refusals()):
        return f"{attempt.name}: it was refused by server errors only, and the limit cannot be raised"
    if attempt.family != "absurd limit" and not attempt.reached():
        return f"{attempt.name}: no call was served on a limited key"
    return ""


def held_at(attempt: Attempt) -> str:
    """What an attempt could spend of its limit."""
    return f"{attempt.name}: {in_usd(attempt.bill())} of {in_usd(attempt.limit)}"


def _left_out(tried: SpendWorkload) -> str:
    return tried.left_out[0] if tried.left_out else "none of these ways was tried"
