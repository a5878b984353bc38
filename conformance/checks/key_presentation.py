"""K5: a key opens only what it should, and refusals tell nothing."""

from collections.abc import Iterable
from itertools import pairwise

from conformance.catalogue import check
from conformance.model.presented import NO_KEY, KeyPresentation, Presented, Refusal, Refusals
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict

# NIST SP 800-63B-3, 5.1.2.2: look-up secrets of at least 112 bits need no stretching against guessing; whoever
# knows all but that much of a key cannot guess the rest.
_ENOUGH_BITS = 112
_CASE = "in the other letter case"
_LISTED = 5


@check(
    "keys.only-the-whole-key-opens",
    claim="K5",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Look the key up by its id, compare a digest of all of it in constant time, and refuse before anything else is done; "
    "never normalise, trim or cut what was presented, and let no default stand in for a missing key.",
)
def only_the_whole_key_opens(presentation: KeyPresentation) -> Verdict:
    """No endpoint opens to a part of a key, to an altered key, or to none.

    A key that works in part is a shorter key. `Bearer undefined` is what programs send whose configuration is missing.
    """
    ways = _of(presentation, "altered", "placeholder")
    admitted = [one for one in ways if one.admitted() and (one.what != _CASE or presentation.mixed_case)]
    if admitted:
        return _opened(presentation, admitted, "the whole key, and no other text, opens an endpoint")
    return _undecided(presentation, ways) or Pass(
        because=f"{len(ways)} altered, cut and missing keys were refused at {_places(presentation)}, "
        "between calls with the key that were served",
        cites=(presentation,),
        norm=_norms(presentation),
    )


@check(
    "keys.no-other-carrier-opens",
    claim="K5",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Read the key from its header only: not from the query or the path, which logs and Referer headers keep, not from a "
    "cookie, which a browser sends for whoever asks, and not from the body, which is content.",
)
def no_other_carrier_opens(presentation: KeyPresentation) -> Verdict:
    """No endpoint takes the key from the query, the path, a cookie or the body.

    URLs stand in logs, histories and proxies; a key in one of them has been given away.
    """
    # Where nobody needs a key, none is taken from anywhere.
    open_ = {one.endpoint for one in presentation.attempts if one.what == NO_KEY and one.admitted()}
    ways = [one for one in _of(presentation, "carrier") if one.endpoint not in open_]
    admitted = [one for one in ways if one.admitted()]
    if admitted:
        return _opened(presentation, admitted, "the key counts in its header only")
    return _undecided(presentation, ways) or Pass(
        because=f"{len(ways)} attempts with the key in query, path, cookie and body were refused at {_places(presentation)}",
        cites=(presentation,),
    )


@check(
    "keys.refusals-give-nothing-back",
    claim="K5",
    severity=Severity.HIGH,
    level=Level.OPERATOR,
    fix="Name a key in an error by its public id or its last four characters, or not at all.",
)
def refusals_give_nothing_back(presentation: KeyPresentation, refusals: Refusals) -> Verdict:
    """No refusal gives back the key that was presented.

    Error answers are logged, shown in consoles and pasted into tickets; a key in them goes along.
    """
    bits = min(presentation.secret_bits, refusals.secret_bits)
    told: list[tuple[str, Presented | Refusal]] = [
        *((f"{a.what} at {a.endpoint}", a) for a in presentation.attempts if not a.admitted()),
        *((f"{r.state} at {r.endpoint}", r) for r in refusals.answers),
    ]
    back = [(name, one) for name, one in told if one.whole or (one.shows and bits - one.shows < _ENOUGH_BITS)]
    if back:
        name, first = back[0]
        how = "all of it" if first.whole else f"{first.shows:.0f} of its {bits:.0f} bits"
        return Fail(
            because=f"a refusal gives the key back: {name}, {how}",
            expected=f"no refusal from which more than all but {_ENOUGH_BITS} bits of the key could be read",
            observed="; ".join(name for name, _ in back[:_LISTED]),
            cites=(presentation, refusals),
            reproduction="present an ended or altered key in the header named, and read the answer",
        )
    if not refusals.answers or not presentation.attempts:
        return _nothing(presentation)
    most = max(one.shows for _, one in told)
    return Pass(
        because=f"{len(told)} refusals were searched for the key; the most that one shows are {most:.0f} of {bits:.0f} bits",
        cites=(presentation, refusals),
    )


@check(
    "keys.refusals-look-alike",
    claim="K5",
    severity=Severity.MEDIUM,
    level=Level.OPERATOR,
    fix="Answer every key that is not valid with the same status, headers and words, whether it never was one, was revoked, is "
    "suspended or has expired; say more in the console of its owner.",
)
def refusals_look_alike(refusals: Refusals) -> Verdict:
    """Keys that were never given, were revoked or disabled, or have expired are refused alike.

    Whoever tries found keys learns from a different answer which of them were real, whose they were, and that they are known.
    """
    if refusals.alive:
        return Inconclusive(
            because=f"a key that was {' and one that was '.join(refusals.alive)} was still served",
            decide="see keys.revocation-takes-effect",
            cites=(refusals,),
        )
    places = dict.fromkeys(answer.endpoint for answer in refusals.answers)
    told = [fail for place in places if (fail := _told_apart(refusals, place))]
    if told:
        return Fail(
            because=f"refusals can be told apart: {told[0]}",
            expected="the same status, header names and words for every key that is not valid",
            observed="; ".join(told[:_LISTED]),
            cites=(refusals,),
            reproduction="call with an invented key and with one that was just revoked, and compare the answers",
        )
    unsteady = [answer for answer in refusals.answers if not answer.steady]
    if unsteady or not refusals.answers:
        first = f": {unsteady[0].state} at {unsteady[0].endpoint}" if unsteady else ""
        return Inconclusive(
            because=f"{len(unsteady)} refusals were not the same each time{first}",
            decide="repeat the audit while the gateway serves steadily, with a rate below its limits",
            cites=(refusals,),
        )
    states = ", ".join(dict.fromkeys(answer.state for answer in refusals.answers))
    lacking = f"; not tried: {', '.join(refusals.absent)}" if refusals.absent else ""
    return Pass(
        because=f"{states}: the same status, headers and words at {len(places)} endpoints{lacking}; for times see "
        "keys.refusals-take-as-long",
        cites=(refusals,),
    )


def _told_apart(refusals: Refusals, place: str) -> str:
    """How answers at one endpoint differ; empty where they do not.

    An unknown key may be of a form that the gateway knows at a glance to be none: one of the two that were tried counts.
    """
    here = {a.state: a for a in refusals.answers if a.endpoint == place and a.steady and not a.served()}
    never = [here[state] for state in ("unknown", "wrong secret") if state in here]
    ended = [here[state] for state in ("revoked", "disabled", "expired") if state in here]
    for one in ended:
        if never and all(one.looks() != other.looks() for other in never):
            return f"{place}: {one.state} ({one.told}) from {never[0].state} ({never[0].told}), by {_difference(one, never[0])}"
    for one, other in pairwise(ended):
        if one.looks() != other.looks():
            return f"{place}: {one.state} ({one.told}) from {other.state} ({other.told}), by {_difference(one, other)}"
    return ""


def _difference(one: Refusal, other: Refusal) -> str:
    names = ("status", "headers", "words")
    return " and ".join(n for n, a, b in zip(names, one.looks(), other.looks(), strict=True) if a != b)


def _of(presentation: KeyPresentation, *hows: str) -> list[Presented]:
    return [one for one in presentation.attempts if one.how in hows]


def _opened(presentation: KeyPresentation, admitted: Iterable[Presented], expected: str) -> Fail:
    ways = list(admitted)
    named = [f"{one.what} at {one.endpoint} ({one.told})" for one in ways]
    reached = " and reached the provider" if ways[0].reached else ""
    return Fail(
        because=f"a key {named[0]} was served{reached}" + (f" (+{len(ways) - 1} more)" if ways[1:] else ""),
        expected=expected,
        observed="; ".join(named[:_LISTED]),
        cites=(presentation,),
        reproduction="call the endpoint named with a key presented that way, and in no other",
    )


def _undecided(presentation: KeyPresentation, ways: list[Presented]) -> Inconclusive | None:
    """Why refusals would prove nothing, if so."""
    if not ways:
        return _nothing(presentation)
    blind = [c for c in presentation.controls if not c.public and not (c.before and c.after)]
    if blind:
        return Inconclusive(
            because=f"{blind[0].endpoint} did not serve the key as it should be presented, so its refusals prove nothing",
            decide="declare under `[[inference]]` only what the model serves, and audit while the gateway serves steadily",
            cites=(presentation,),
        )
    if presentation.unanswered:
        return Inconclusive(
            because=f"{presentation.unanswered} of {len(presentation.attempts)} attempts were not answered",
            decide="repeat the audit when the gateway answers",
            cites=(presentation,),
        )
    return None


def _nothing(presentation: KeyPresentation) -> Inconclusive:
    return Inconclusive(
        because="no refusal was seen: every endpoint is open to anybody, or none is declared",
        decide="declare an endpoint that takes a key under `[[inference]]`",
        cites=(presentation,),
    )


def _places(presentation: KeyPresentation) -> str:
    count = sum(not control.public for control in presentation.controls)
    open_ = [control.endpoint for control in presentation.controls if control.public]
    return f"{count} endpoints" + (f" ({', '.join(open_)} is open to anybody)" if open_ else "")


def _norms(presentation: KeyPresentation) -> tuple[Norm, ...]:
    """What is odd and opens nothing to anybody who has not the whole key."""
    schemes = dict.fromkeys(one.what for one in _of(presentation, "scheme") if one.admitted())
    doubled = dict.fromkeys(one.what for one in _of(presentation, "doubled") if one.admitted())
    return (
        Norm(
            source="RFC 6750, 2.1: the scheme is Bearer",
            verdict="not met" if schemes else "met",
            note=f"the key is taken {', '.join(schemes)} as well" if schemes else "",
        ),
        Norm(
            source="RFC 9110, 5.3: a field that is no list stands once",
            verdict="not met" if doubled else "met",
            note=f"of two fields, a key counts {' and '.join(doubled)}" if doubled else "",
        ),
    )
