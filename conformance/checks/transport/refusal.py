"""When an old version counts as refused at a place: a TLS alert, or the same end three times, each between
two good controls.

Silence is never refusal: a firewall that drops old hellos, a rate limit and a slow server all look like it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from conformance.model.transport import Attempt, Outcome, PlaceTrial, Version, bracketed, disturbed, ends

SAME = 3


class Standing(Enum):
    """What the attempts at one place say of one version."""

    REFUSED = "refused"
    NO_SERVICE = "no service under that name"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Word:
    """A standing and its reason, for one place and version. `note` names what a reader should know of a
    refusal.
    """

    standing: Standing
    reason: str
    note: str = ""


def in_service(trial: PlaceTrial) -> bool:
    """Whether TLS 1.3 was agreed to at this place at least once."""
    return any(attempt.negotiated() is Version.TLS13 for attempt in _controls(trial))


def standing(trial: PlaceTrial, version: Version) -> Word:
    """What this place says of an old version that was not negotiated there."""
    asked = [(attempt, good) for attempt, good in bracketed(trial.attempts) if attempt.offered is version]
    if not in_service(trial):
        return _without_service(trial, [attempt for attempt, _ in asked])
    if not asked:
        return Word(Standing.UNCLEAR, "it was not asked")
    outcomes = {_kind(attempt) for attempt, _ in asked}
    if len(outcomes) > 1:
        answered = sum(_kind(attempt) == "answered" for attempt, _ in asked)
        if answered >= SAME and disturbed(trial.attempts):
            return Word(
                Standing.REFUSED, _listed(attempt for attempt, _ in asked), "the network lost some answers"
            )
        return Word(Standing.UNCLEAR, f"mixed answers: {_listed(attempt for attempt, _ in asked)}")
    if not any(good for _, good in asked):
        return Word(Standing.UNCLEAR, "the TLS 1.3 control beside it failed")
    return _uniform(outcomes.pop(), asked)


def _uniform(kind: str, asked: list[tuple[Attempt, bool]]) -> Word:
    attempts = [attempt for attempt, _ in asked]
    if kind == "answered":
        return Word(Standing.REFUSED, _listed(attempts), _suspicion(attempts))
    if kind == "ended":
        counted = [attempt for attempt, good in asked if good and attempt.acknowledged]
        if len(counted) >= SAME:
            return Word(
                Standing.REFUSED, f"{_listed(attempts)}, each between two TLS 1.3 handshakes that went well"
            )
        return Word(
            Standing.UNCLEAR,
            f"{_listed(attempts)}; {len(counted)} of {SAME} between good controls and acknowledged",
        )
    return Word(Standing.UNCLEAR, _listed(attempts))


def _without_service(trial: PlaceTrial, asked: list[Attempt]) -> Word:
    """Nothing speaks TLS 1.3 here. Where every hello is turned away, clients of this kind have no service at
    all.
    """
    everything = [*_controls(trial), *asked]
    turned_away = all(_kind(attempt) in {"answered", "ended"} for attempt in everything)
    if trial.place.kind != "right" and turned_away and everything:
        return Word(Standing.NO_SERVICE, f"TLS 1.3 is turned away too: {_listed(_controls(trial))}")
    if trial.place.kind == "right" and all(attempt.alert is not None for attempt in everything):
        return Word(Standing.NO_SERVICE, f"TLS 1.3 is turned away too: {_listed(_controls(trial))}")
    return Word(Standing.UNCLEAR, f"TLS 1.3 itself was not agreed to: {_listed(_controls(trial))}")


def _kind(attempt: Attempt) -> str:
    """Outcomes that are the same answer. FIN or RST is the peer kernel's choice: it depends on unread bytes."""
    if attempt.alert is not None or attempt.outcome is Outcome.ALERT or attempt.complete:
        return "answered"  # complete: with another version than the one in question
    return "ended" if attempt.outcome in ends(attempt.offered) else attempt.outcome.value


def _suspicion(attempts: list[Attempt]) -> str:
    begun = [a for a in attempts if a.outcome is Outcome.SERVER_HELLO and a.alert is not None]
    return "a ServerHello came before the alert; no handshake can be finished" if begun else ""


def _controls(trial: PlaceTrial) -> list[Attempt]:
    return [attempt for attempt in trial.attempts if attempt.offered is Version.TLS13]


def _listed(attempts: Iterable[Attempt]) -> str:
    counts: dict[str, int] = {}
    for attempt in attempts:
        word = describe(attempt)
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} x {word}" for word, count in counts.items())


def describe(attempt: Attempt) -> str:
    """An attempt's outcome in a few words."""
    if attempt.outcome is Outcome.ALERT:
        return f"alert {attempt.alert}"
    if attempt.outcome is Outcome.SERVER_HELLO:
        chosen = attempt.version.value if attempt.version else "an unknown version"
        return f"ServerHello of {chosen}" + (f" ({attempt.detail})" if attempt.detail else "")
    return str(attempt.outcome.value)
