"""H1: what a caller's calls made is nobody else's."""

from conformance.catalogue import check
from conformance.model.scale import Level, Severity
from conformance.model.tenancy import ObjectAct, ObjectSeparation
from conformance.model.verdict import Fail, Inconclusive, NotApplicable, Pass, Verdict

_LISTED = 5


@check(
    "keys.objects-belong-to-their-caller",
    claim="H1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Keep the owner beside each completion, response, file and record, and ask for it in the query that fetches one; answer "
    "others as if it did not exist.",
)
def objects_belong_to_their_caller(objects: ObjectSeparation) -> Verdict:
    """What one caller's calls made can neither be read, listed, changed nor deleted by anybody else.

    A stored answer holds what a customer asked and was told. Where keys of one account are meant to share them, declare
    `other_account.key`: then only accounts are told apart.
    """
    allowed = [act for act in objects.acts if act.allowed]
    if allowed:
        return _broken(objects, [_told(act) for act in allowed])
    if objects.lost:
        return _broken(
            objects,
            [f"{path} was gone for its owner when others had asked to end it" for path in objects.lost],
        )
    if not objects.made:
        return Inconclusive(
            because="no call was served that could have made anything",
            decide="see why the gateway refuses ordinary calls",
            cites=(objects,),
        )
    if not objects.readable:
        return NotApplicable(
            because=f"nothing that calls make can be asked for later, not by its own caller at any of {objects.asked} places",
            cites=(objects,),
        )
    unanswered = sum(not act.decided for act in objects.acts)
    if unanswered:
        return Inconclusive(
            because=f"{unanswered} of {len(objects.acts)} requests of others were not answered",
            decide="repeat the audit when the gateway answers",
            cites=(objects,),
        )
    return Pass(
        because=f"{len(objects.acts)} requests of others were refused, for what its owner is shown at {objects.readable} places",
        cites=(objects,),
    )


def _told(act: ObjectAct) -> str:
    return f"{act.method} {act.path} was answered {act.told} to {act.who}, as to the caller whose it is"


def _broken(objects: ObjectSeparation, what: list[str]) -> Fail:
    return Fail(
        because=what[0] + (f" (+{len(what) - 1} more)" if what[1:] else ""),
        expected="nobody but the caller who made something is shown it, or can change it",
        observed="; ".join(what[:_LISTED]),
        cites=(objects,),
        reproduction="make the object with one key, then ask for it with another",
    )
