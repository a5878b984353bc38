"""S1, further: every other way to spend more than a limit. Judged by the provider's bill, never by what is told."""

from collections.abc import Callable

from conformance.catalogue import check
from conformance.checks.doubts import doubt_of, held_at
from conformance.checks.spend import beside, over, overspent, tolerated_by
from conformance.model.declared import Declared
from conformance.model.scale import Level, Severity
from conformance.model.spend import Attempt, Family, SpendWorkload
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict

_Judge = Callable[[SpendWorkload, Declared], Verdict]
_STEADILY = "repeat the audit while the gateway serves steadily, with the prices of models declared"


def _judges(
    id: str,  # noqa: A002 - as the catalogue calls it
    family: Family,
    *,
    severity: Severity,
    fix: str,
    nothing: str = "",
) -> Callable[[Callable[[], None]], _Judge]:
    """Enter the check of one family of attempts. What is decorated says what must hold, and why; all are judged alike.

    `nothing` is why there may be no such attempt on a target.
    """

    def enter(said: Callable[[], None]) -> _Judge:
        def judge(tried: SpendWorkload, declared: Declared) -> Verdict:
            return _judged(tried, tolerated_by(declared), family, nothing)

        judge.__name__, judge.__doc__ = said.__name__, said.__doc__
        return check(id, claim="S1", severity=severity, level=Level.OPERATOR, fix=fix)(judge)

    return enter


@_judges(
    "spend.every-billable-endpoint-is-limited",
    "endpoint",
    severity=Severity.CRITICAL,
    fix="Put the reservation where every inference path passes it, not into one endpoint's handler.",
    nothing="no billable endpoint but chat is declared",
)
def every_billable_endpoint_is_limited() -> None:
    """The limit holds on every billable endpoint, not on chat alone.

    A pass-through route that skips the budget is a key without a limit, for whoever knows the path.
    """


@_judges(
    "spend.worst-case-is-set-aside",
    "worst case",
    severity=Severity.CRITICAL,
    fix="Reckon a hold from the request as it is sent on: all answers, the larger bound, the model's maximum where there is "
    "none; refuse bounds that are no positive integers, and names that stand twice.",
)
def worst_case_is_set_aside() -> None:
    """One call that can cost more than is left is not let through.

    Several answers, no bound on tokens, a bound that parsers read differently: each makes one call cost many times what was
    checked.
    """


@_judges(
    "spend.aborted-calls-are-charged",
    "abort",
    severity=Severity.CRITICAL,
    fix="When a caller leaves, read the provider's answer on to its usage, or charge the whole hold; never release it.",
)
def aborted_calls_are_charged() -> None:
    """Calls that the caller leaves early, or reads slowly, count against the limit.

    A provider bills what it made, whoever listened. Where a call that is left costs nothing, a limit is no limit.
    """


@_judges(
    "spend.unmetered-answers-are-charged",
    "fault",
    severity=Severity.HIGH,
    fix="Charge the hold where an answer ends without usage that can be believed; let nothing lower what was spent.",
)
def unmetered_answers_are_charged() -> None:
    """Answers without usage, cut ones and absurd usage do not make calls free.

    Providers forget usage, break off and have bugs; the bill comes all the same.
    """


@_judges(
    "spend.hidden-tokens-are-charged",
    "hidden tokens",
    severity=Severity.HIGH,
    fix="Charge the sums that the provider's usage tells, whatever parts it tells them in; a part without a price of its own "
    "costs what the rest costs.",
)
def hidden_tokens_are_charged() -> None:
    """Tokens that are in no text, or told apart from others, count against the limit: reasoning, audio, cached prompts.

    Most of what a reasoning model is paid for is never shown. A gateway that counts what it forwards misses it.
    """


@_judges(
    "spend.models-without-a-price-are-refused",
    "model",
    severity=Severity.HIGH,
    fix="Refuse a model whose price is not known, under whatever name it is asked for.",
)
def models_without_a_price_are_refused() -> None:
    """No name of a model makes its calls free.

    A model that nobody priced costs nothing in the books and money at the provider.
    """


@_judges(
    "spend.callers-cannot-spend-as-others",
    "identity",
    severity=Severity.HIGH,
    fix="Charge the key that was authenticated; treat names in bodies and headers as labels.",
)
def callers_cannot_spend_as_others() -> None:
    """Nothing that a caller writes into a call moves its cost away from its key.

    A limit that follows the `user` field is one that the caller chooses.
    """


@_judges(
    "spend.small-sums-add-up",
    "small sums",
    severity=Severity.MEDIUM,
    fix="Count in integers of a unit in which one token has a whole price, and round nothing before it is shown.",
)
def small_sums_add_up() -> None:
    """Calls too small for rounding count against the limit.

    What is rounded to nothing a thousand times is a thousand calls for nothing.
    """


@_judges(
    "spend.changed-limits-keep-what-was-spent",
    "changed limit",
    severity=Severity.HIGH,
    fix="Change the limit alone; compare it, from the next call on, with everything that the key has spent.",
    nothing="the dialect describes no way to change a limit or a key",
)
def changed_limits_keep_what_was_spent() -> None:
    """Whatever is done to a limit or its key, what was spent stays spent.

    A key whose count starts anew with each change may spend its limit as often as it is changed.
    """


@_judges(
    "spend.absurd-limits-grant-nothing",
    "absurd limit",
    severity=Severity.HIGH,
    fix="Refuse limits that are negative or no numbers with a 4xx, let zero mean zero, and say of what is no limit that it is "
    "none.",
    nothing="the dialect documents every such limit as meaning no limit",
)
def absurd_limits_grant_nothing() -> None:
    """A limit that no call fits in serves none, one that is no number is refused, and every other is what the key API says.

    Whoever sets zero to stop a key must not have unlimited it.
    """


@check(
    "spend.slow-readers-hold-nobody-up",
    claim="S1",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Settle and write without a lock that others need; wait for one caller's buffers in that caller's task alone.",
    deciding=False,
)
def slow_readers_hold_nobody_up(tried: SpendWorkload) -> Verdict:
    """While one caller does not read, other keys are served.

    Whoever can stop a gateway for everybody by reading slowly needs no budget for it.
    """
    looked = [attempt for attempt in tried.attempts if attempt.beside]
    beside_them = [served for attempt in looked for served in attempt.beside]
    of_them = f"{sum(beside_them)} of {len(beside_them)} calls on another key were served while a caller did not read"
    held_up = 2 * sum(beside_them) < len(beside_them)  # some may be for a busy machine's sake
    if held_up and any(attempt.control.ample_after for attempt in looked):
        return Fail(
            because=of_them,
            expected="calls on other keys are served meanwhile",
            observed="most were served only once that caller had read on or left",
            cites=(tried,),
            reproduction="open a stream, read its first event and no more, and call with another key",
        )
    if held_up or not looked:
        return Inconclusive(
            because="other keys were not served afterwards either" if looked else "no stream was read slowly",
            decide="repeat the audit while the gateway serves steadily",
            cites=(tried,),
        )
    return Pass(because=of_them, cites=(tried,))


def _judged(tried: SpendWorkload, tolerated: int, family: Family, nothing: str) -> Verdict:
    """A family's verdict: breaches first, then what stayed open, then what was held."""
    attempts = tried.of(family)
    worst = max(attempts, key=lambda attempt: over(attempt, tolerated), default=None)
    if worst is not None and over(worst, tolerated):
        return overspent(worst, tolerated, tried)
    if worst is None and nothing and tried.seen() and family not in tried.not_tried:
        return NotApplicable(because=nothing, cites=(tried,))
    doubts = [doubt for attempt in attempts if (doubt := doubt_of(attempt))]
    if not attempts or family in tried.cut_short:
        doubts.insert(0, _left_out(tried))
    if doubts:
        return Inconclusive(because=doubts[0], decide=_STEADILY, cites=(tried,))
    return Pass(because=_held(attempts) + beside(tried.price, tolerated), cites=(tried,))


def _held(attempts: tuple[Attempt, ...]) -> str:
    held = [attempt for attempt in attempts if attempt.reached()]
    refused = [attempt for attempt in attempts if not attempt.reached()]
    parts = []
    if held:
        examples = "; ".join(held_at(attempt) for attempt in held[:3])
        parts.append(f"{len(held)} ways tried to the limit, which held ({examples})")
    if refused:
        parts.append(f"{len(refused)} refused outright ({', '.join(attempt.name for attempt in refused)})")
    return "; ".join(parts)


def _left_out(tried: SpendWorkload) -> str:
    return tried.left_out[0] if tried.left_out else "none of these ways was tried"
