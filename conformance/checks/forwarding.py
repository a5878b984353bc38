"""Z2: content goes to the model provider, nowhere else, and unchanged; what identifies the caller stays behind."""

from conformance.catalogue import check
from conformance.checks.integrity import altered, described, judged
from conformance.model.declared import Declared
from conformance.model.egress import Forwarding, Integrity
from conformance.model.evidence import Unobserved
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_REPEAT = "repeat the audit while the gateway serves steadily"
# What `claims.transforms` calls them. Where texts may be added, `Integrity` says whether those that were sent arrived.
_PROMPTS, _ANSWERS = "messages", "answer texts"


@check(
    "forwarding.gateway-key-stays-behind",
    claim="Z2",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Build the provider's request from nothing: never copy the caller's headers.",
)
def gateway_key_stays_behind(forwarding: Forwarding) -> Verdict:
    """The caller's key is not forwarded to the provider.

    A forwarded key lets the provider, and whoever reads its logs, spend and read as the customer.
    """
    if forwarding.key_sightings:
        return _forwarded("the caller's key", forwarding.key_sightings, forwarding)
    return _control(forwarding) or Pass(
        because=f"{forwarding.seen()} calls examined at the provider, in headers, path and body",
        cites=(forwarding,),
    )


@check(
    "forwarding.caller-stays-behind",
    claim="Z2",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Build the provider's request from nothing: cookies and addresses of callers do not belong in it.",
)
def caller_stays_behind(forwarding: Forwarding) -> Verdict:
    """Neither cookies nor the caller's address are forwarded to the provider.

    They tie prompts to a person at a place that the customer never chose.
    """
    if forwarding.cookie_sightings:
        return _forwarded("a cookie", forwarding.cookie_sightings, forwarding)
    if forwarding.address_sightings:
        return _forwarded("the caller's address", forwarding.address_sightings, forwarding)
    own = "its own address included" if forwarding.own_address else "its own address could not be told apart"
    passed = [header.name for header in forwarding.headers if header.places]
    others = f"; other headers that were passed on: {', '.join(passed)}" if passed else ""
    return _control(forwarding) or Pass(
        because=f"{forwarding.seen()} calls examined at the provider carried neither, {own}{others}",
        cites=(forwarding,),
    )


@check(
    "forwarding.every-call-reaches-the-provider-once",
    claim="Z2",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Keep no answers: send every request to the provider, once.",
)
def every_call_reaches_the_provider_once(forwarding: Forwarding) -> Verdict:
    """Every served call is one call at the provider, also where a prompt repeats.

    An answer that comes from anywhere else was kept; a call that arrives twice went somewhere twice.
    """
    if forwarding.seen_never:
        return _counted(
            forwarding,
            f"{forwarding.seen_never} of {forwarding.served} served calls never reached the provider",
        )
    if forwarding.seen_more:
        return _counted(
            forwarding,
            f"{forwarding.seen_more} of {forwarding.served} served calls reached it more than once",
        )
    if forwarding.repeated_seen < forwarding.repeated_served:
        kept = forwarding.repeated_served - forwarding.repeated_seen
        return _counted(
            forwarding,
            f"{kept} of {forwarding.repeated_served} calls with a repeated prompt never reached it: answers are kept",
        )
    if forwarding.served < forwarding.calls or not forwarding.repeated_served or not forwarding.seen():
        return Inconclusive(
            because=f"only {forwarding.served} of {forwarding.calls} calls were served, "
            f"{forwarding.repeated_served} of them with a prompt that repeats",
            decide=_REPEAT,
            cites=(forwarding,),
        )
    if forwarding.repeated_seen > forwarding.repeated_served:
        return _counted(
            forwarding,
            f"{forwarding.repeated_served} calls with a repeated prompt reached it {forwarding.repeated_seen} times",
        )
    return Pass(
        because=f"{forwarding.calls} calls, {forwarding.repeated_served} of them with repeated prompts, "
        "each once at the provider",
        cites=(forwarding,),
    )


@check(
    "forwarding.content-arrives-unchanged",
    claim="Z2",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Pass prompts and answers through as they are; declare transforms that are wanted.",
)
def content_arrives_unchanged(
    forwarding: Forwarding, integrity: Integrity | Unobserved, declared: Declared
) -> Verdict:
    """Prompts reach the provider, and answers the caller, as they were sent.

    Whoever rewrites content has read it.
    """
    changed = _changed_texts(forwarding, declared)
    fields = judged(integrity, "content", declared) if isinstance(integrity, Integrity) else []
    wrong = [field for field in fields if altered(field, declared)]
    if changed or wrong:
        return Fail(
            because="; ".join([*changed, *(["content was changed on its way"] if wrong else [])]),
            expected="every text, picture and earlier tool call at the other end, unchanged",
            observed=described(wrong) or "; ".join(changed),
            cites=(forwarding, integrity) if isinstance(integrity, Integrity) else (forwarding,),
            reproduction="compare the body that arrives at the provider, or its answer, with yours",
        )
    if not forwarding.seen_once:
        return Inconclusive(
            because="no call was seen at the provider exactly once", decide=_REPEAT, cites=(forwarding,)
        )
    kinds = ", ".join(field.field for field in fields if field.sent)
    return Pass(
        because=f"{forwarding.seen_once} prompts and answers, plain and streamed, unchanged"
        + (f"; likewise {kinds}" if kinds else ""),
        cites=(forwarding,),
    )


def _changed_texts(forwarding: Forwarding, declared: Declared) -> list[str]:
    """What was changed of plain prompts and their answers, unless that is declared."""
    examined, transforms = forwarding.seen_once, declared.promises.transforms
    texts = {
        "prompts": 0 if _PROMPTS in transforms else examined - forwarding.prompts_unchanged,
        "answers": 0 if _ANSWERS in transforms else examined - forwarding.answers_unchanged,
    }
    return [
        f"{count} of {examined} {what} were changed on their way" for what, count in texts.items() if count
    ]


def _forwarded(what: str, places: tuple[str, ...], forwarding: Forwarding) -> Fail:
    return Fail(
        because=f"{what} reached the provider in {', '.join(places)}",
        expected=f"{what} stays at the gateway",
        observed=f"found at the witness in {', '.join(places)}",
        cites=(forwarding,),
        reproduction="point the gateway's provider at any server that prints what it receives, and make one call",
    )


def _control(forwarding: Forwarding) -> Inconclusive | None:
    if forwarding.seen():
        return None
    return Inconclusive(because="no call was seen at the provider", decide=_REPEAT, cites=(forwarding,))


def _counted(forwarding: Forwarding, what: str) -> Fail:
    return Fail(
        because=what,
        expected="as many calls at the provider as were made",
        observed=f"once: {forwarding.seen_once}, never: {forwarding.seen_never}, more: {forwarding.seen_more}; "
        f"with repeated prompts: {forwarding.repeated_seen} of {forwarding.repeated_served}",
        cites=(forwarding,),
        reproduction="send the same request twice and count the calls at the provider",
    )
