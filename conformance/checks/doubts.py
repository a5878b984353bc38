"""What makes it doubtful that it was the limit which held an attempt back; and what an attempt could spend where nothing does."""

from conformance.model.money import in_usd
from conformance.model.spend import Attempt

# RFC 6585, section 4, and RFC 9110, section 15.6.4: they speak of now, not of the call.
_BUSY = {"429", "503"}


def doubt_of(attempt: Attempt) -> str:
    """Why staying within the limit would prove nothing of this attempt; empty where it does."""
    why = attempt.trouble or _of_controls(attempt)
    if not why and not _refused_at_creation(attempt):
        why = _of_its_kind(attempt) if _not_taken(attempt) else _undecided(attempt)
    return f"{attempt.name}: {why}" if why else ""


def _refused_at_creation(attempt: Attempt) -> bool:
    return attempt.created.startswith("refused")


def _not_taken(attempt: Attempt) -> bool:
    """Whether the gateway does not take such a call on any key."""
    return attempt.alike is not None and not attempt.alike.reached


def _of_controls(attempt: Attempt) -> str:
    control = attempt.control
    if _refused_at_creation(attempt):
        return "" if control.ample_before else "a key with an ample limit was not served beside it"
    if not (control.ample_after and (control.ample_before or attempt.alike)):
        silent = next((call.told for call in attempt.calls if not call.told.isdigit()), "")
        return (
            f"the gateway did not answer ({silent})"
            if silent
            else "a key with an ample limit was not served before and after"
        )
    if control.revived is False:
        return (
            "the key was not served again after its limit was raised, so it was not the limit that refused it"
        )
    return ""


def _of_its_kind(attempt: Attempt) -> str:
    """Of an attempt whose calls the gateway does not take: whether that is because of what they are."""
    told = attempt.alike.told if attempt.alike is not None else ""
    busy = not told.isdigit() or told in _BUSY
    return f"such a call was not taken for another reason ({told})" if busy else ""


def _undecided(attempt: Attempt) -> str:
    """Of an attempt whose calls the gateway takes: whether its limit was met."""
    if attempt.one_leap:
        told = attempt.calls[-1].told
        return "" if told.isdigit() else f"it was not answered ({told})"
    if attempt.out_of_reach:
        return ""
    if not attempt.refusals():
        return "no call was refused, so the limit was never met"
    if attempt.control.revived is None and not any(call.told.startswith("4") for call in attempt.refusals()):
        return "it was refused by server errors only, and the limit cannot be raised"
    if attempt.family != "absurd limit" and not attempt.reached():
        return "no call was served on a limited key"
    return ""


def held_at(attempt: Attempt) -> str:
    """What an attempt could spend of its limit; of one that nobody can reach, what the key API made of it."""
    if attempt.out_of_reach:
        return f"{attempt.name}: {attempt.created}"
    return f"{attempt.name}: {in_usd(attempt.bill())} of {in_usd(attempt.limit)}"
