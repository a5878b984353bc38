"""Z2: requests and answers come through whole, beside their texts too."""

from collections.abc import Sequence

from conformance.catalogue import check
from conformance.model.declared import Declared
from conformance.model.egress import FieldFate, Integrity
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Pass, Verdict

_MESSAGES = "messages"
_REPEAT = "repeat the audit while the gateway serves steadily"


@check(
    "forwarding.requests-arrive-whole",
    claim="Z2",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Pass on every field of a request as it is, or refuse the request. What is changed on purpose is declared as "
    "`claims.transforms`.",
)
def requests_arrive_whole(integrity: Integrity, declared: Declared) -> Verdict:
    """Tools, parameters and the wish that nothing be stored reach the provider as they were sent.

    A bound, a tool or a `store: false` that is lost on the way changes what is generated, what it costs and what is kept,
    and the caller cannot see it.
    """
    fields = judged(integrity, "request", declared)
    return _changed(fields, integrity, "of requests") or _compared(fields, integrity, declared)


@check(
    "forwarding.answers-return-whole",
    claim="Z2",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Pass on tool calls, finish reasons and vectors as the provider sent them. What is changed on purpose is declared as "
    "`claims.transforms`.",
)
def answers_return_whole(integrity: Integrity, declared: Declared) -> Verdict:
    """Tool calls, finish reasons and vectors reach the caller as the provider sent them, whole and streamed.

    A program acts on them: one that was rewritten acts for somebody else.
    """
    fields = judged(integrity, "answer", declared)
    return _changed(fields, integrity, "of answers") or _compared(fields, integrity, declared)


def judged(integrity: Integrity, part: str, declared: Declared) -> list[FieldFate]:
    """The fields of a part of the exchange that are promised to come through; messages are in any case, see `altered`."""
    transforms = {*declared.promises.transforms} - {_MESSAGES}
    return [field for field in integrity.fields if field.part == part and field.field not in transforms]


def altered(field: FieldFate, declared: Declared) -> int:
    """In how many calls a field was changed, where additions to messages count unless they are declared."""
    allowed = field.added_to if field.field in declared.promises.transforms else 0
    return field.sent - field.unchanged - allowed


def described(fields: Sequence[FieldFate]) -> str:
    """What became of fields, by name and count."""
    return "; ".join(
        f"{field.field}: {field.sent - field.unchanged} of {field.sent} changed"
        + (f", {field.missing} of them missing" if field.missing else "")
        for field in fields
    )


def _changed(fields: Sequence[FieldFate], integrity: Integrity, whose: str) -> Fail | None:
    changed = [field for field in fields if field.unchanged < field.sent]
    if not changed:
        return None
    return Fail(
        because=f"fields {whose} did not come through as they were sent: {', '.join(field.field for field in changed)}",
        expected="every field at the other end with the value that it was sent with",
        observed=described(changed),
        cites=(integrity,),
        reproduction="send the fields named, and compare the body that arrives at the provider, or its answer, with yours",
    )


def _compared(fields: Sequence[FieldFate], integrity: Integrity, declared: Declared) -> Verdict:
    there = [field for field in fields if field.sent]
    if not there:
        return Inconclusive(
            because="nothing could be compared at both ends", decide=_REPEAT, cites=(integrity,)
        )
    refused = [field.field for field in fields if field.refused and not field.sent]
    notes = [
        f"refused: {', '.join(refused)}" if refused else "",
        f"declared as changed: {', '.join(declared.promises.transforms)}"
        if declared.promises.transforms
        else "",
        f"{integrity.translated} calls in another API, compared by their texts"
        if integrity.translated
        else "",
    ]
    told = "; ".join(note for note in notes if note)
    return Pass(
        because=f"unchanged in all calls: {', '.join(field.field for field in there)}"
        + (f" ({told})" if told else ""),
        cites=(integrity,),
    )
