"""Z2: every call is answered by the provider, for itself; nobody is given what was made for another."""

from collections.abc import Sequence

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.egress import KeptAnswers, Repeat
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_IDEMPOTENCY = "idempotency"
_SHOWN = 5


@check(
    "forwarding.no-answer-crosses-keys",
    claim="Z2",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    further="admin",
    fix="Keep no answers. Where they must be kept, let the owner be a part of what they are found by, idempotency keys included.",
)
def no_answer_crosses_keys(kept: KeptAnswers) -> Verdict:
    """No caller is given an answer that was made for another.

    Whoever asks alike learns what others asked, and reads what they were told.
    """
    across = [repeat for repeat in kept.repeats if repeat.scope == "two keys"]
    crossed = [repeat for repeat in across if _is_kept(repeat)]
    if crossed:
        owners = "" if kept.owner == "key" else f" of two {kept.owner}s"
        return _given(crossed, f"with two keys{owners}", kept)
    if not across:
        return Inconclusive(
            because="there was one key only, so that nothing shows what another would have been told",
            decide="declare an admin credential and a dialect, so that a second key can be made",
            cites=(kept,),
        )
    return _unserved(across, kept) or Pass(
        because=f"{len(across)} calls that resemble those of another key, each answered for itself",
        cites=(kept,),
    )


@check(
    "forwarding.every-answer-is-made-anew",
    claim="Z2",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Keep no answers: neither those to the same words, nor to similar ones, nor by idempotency key. A replay that callers "
    "ask for by an idempotency key can be declared as `claims.opt_in_storage`.",
)
def every_answer_is_made_anew(kept: KeptAnswers, declared: Declared) -> Verdict:
    """However much a call resembles an earlier one, the provider is asked again and its new answer is given.

    An answer that is given twice was kept in between, with a likeness of its prompt to find it by.
    """
    own = [repeat for repeat in kept.repeats if repeat.scope == "one key"]
    replays = _IDEMPOTENCY in declared.promises.opt_in_storage
    wrong = [repeat for repeat in own if _is_kept(repeat) and not (replays and repeat.asked_for)]
    if wrong:
        return _given(wrong, "with the same key", kept)
    if not own:
        return Inconclusive(because="no call was repeated", decide="repeat the audit", cites=(kept,))
    note = "; replays by idempotency key are declared" if replays else ""
    return _unserved(own, kept) or Pass(
        because=f"{len(own)} calls that resemble earlier ones, each answered for itself{note}", cites=(kept,)
    )


@check(
    "forwarding.headers-tell-nothing-of-content",
    claim="Z1",
    severity=Severity.LOW,
    level=Level.OPERATOR,
    deciding=False,
    fix="Make identifiers at random. A digest of a prompt is a fingerprint: whoever guesses the prompt can confirm it.",
)
def headers_tell_nothing_of_content(kept: KeptAnswers) -> Verdict:
    """No header of an answer is the same for equal prompts and for no others.

    Cache keys and entity tags that are made from a prompt are written to logs as harmless identifiers are, and tell who asked
    what.
    """
    if kept.telling:
        return Fail(
            because=f"headers of answers are made from prompts: {', '.join(kept.telling)}",
            expected="values that do not depend on what was asked",
            observed=f"the same for equal prompts, and for no others: {', '.join(kept.telling)}",
            cites=(kept,),
            reproduction="ask the same twice and something else in between, and compare the headers of the answers",
        )
    if not kept.headers:
        return Inconclusive(
            because="too few answers had headers that could be compared",
            decide="repeat the audit while the gateway serves steadily",
            cites=(kept,),
        )
    return Pass(
        because=f"none of {kept.headers} headers is the same for equal prompts and for no others",
        cites=(kept,),
    )


def _is_kept(repeat: Repeat) -> bool:
    """Whether what was served was not made for this call."""
    return repeat.given_again or (repeat.served and not repeat.reached)


def _given(wrong: Sequence[Repeat], whose: str, kept: KeptAnswers) -> Fail:
    again = [repeat for repeat in wrong if repeat.given_again]
    proof = f"; {len(again)} of them got the very answer of the call before" if again else ""
    return Fail(
        because=f"{len(wrong)} calls that resemble earlier ones were not answered for themselves{proof}",
        expected="a call at the provider for each, and its answer",
        observed=f"{whose}: {'; '.join(_described(repeat) for repeat in wrong[:_SHOWN])}",
        cites=(kept,),
        reproduction=f"make two calls {whose} that differ as named, and count them at the provider",
    )


def _described(repeat: Repeat) -> str:
    given = "the earlier answer" if repeat.given_again else "an answer"
    asked = "though the provider was asked" if repeat.reached else "and the provider was not asked"
    return f"{repeat.how}: {given}, {asked}"


def _unserved(repeats: Sequence[Repeat], kept: KeptAnswers) -> Inconclusive | None:
    """What prevents a pass: a call that was neither served nor allowed to be refused, or nothing served at all."""
    missing = [repeat for repeat in repeats if not repeat.served and not repeat.may_refuse]
    if not missing and any(repeat.served for repeat in repeats):
        return None
    told = "; ".join(f"{repeat.how}: {repeat.told}" for repeat in missing[:_SHOWN])
    return Inconclusive(
        because=f"{len(missing)} of {len(repeats)} calls were not served: {told or 'none of them'}",
        decide="repeat the audit while the gateway serves steadily",
        cites=(kept,),
    )
