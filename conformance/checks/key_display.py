"""K1: keys are shown once, at creation."""

from conformance.catalogue import check
from conformance.model.keys import Place, ShownOnce
from conformance.model.scale import Level, Severity
from conformance.model.verdict import Fail, Inconclusive, Norm, Pass, Verdict

# NIST SP 800-63B-3, 5.1.2.2: look-up secrets of at least 112 bits need no stretching against guessing; whoever
# knows all but that much of a key cannot guess the rest.
_ENOUGH_BITS = 112


@check(
    "keys.secret-is-shown-once",
    claim="K1",
    severity=Severity.CRITICAL,
    level=Level.OPERATOR,
    fix="Return the secret in the answer that creates the key and nowhere else; store only its salted hash, "
    "so that no other answer can hold it.",
)
def secret_is_shown_once(search: ShownOnce) -> Verdict:
    """No answer but the one that created a key shows its secret.

    A key that can be read again can be read by whoever gets into a dashboard, a log of API answers or a support tool.
    """
    whole = [place for place in search.places if place.forms]
    if whole:
        return _leaked(
            search, whole, f"'{whole[0].name}' shows the whole secret ({', '.join(whole[0].forms)})"
        )
    partly = [place for place in search.places if place.shown]
    if partly and _bits_left(search, search.shown_together) < _ENOUGH_BITS:
        names = " and ".join(f"'{place.name}'" for place in partly)
        together = (
            f"{names} {'shows' if len(partly) == 1 else 'together show'} {search.shown_together} characters"
        )
        left = f"{_bits_left(search, search.shown_together):.0f} bits stay unknown"
        return _leaked(search, partly, f"{together} of the secret; {left}")
    return _without_leaks(search)


def _leaked(search: ShownOnce, places: list[Place], what: str) -> Fail:
    return Fail(
        because=what,
        expected="no answer but the creation's holds the secret, or parts that leave less than 112 bits unknown",
        observed="; ".join(f"{p.name}: {', '.join(p.forms) or f'{p.shown} characters'}" for p in places),
        cites=(search,),
        reproduction="create a key, then ask for it again by the operation named above and compare",
    )


def _without_leaks(search: ShownOnce) -> Verdict:
    if not search.creation_shows:
        return Inconclusive(
            because="the search did not find the secret where it must be, in the answer that created the key",
            decide="check the pointer to the secret in the dialect",
            cites=(search,),
        )
    about = [
        place for place in search.places if place.own_id and place.status is not None and place.status < 300
    ]
    if not about:
        return Inconclusive(
            because="no answer that was searched speaks of the key at all: neither its public id nor its name was found",
            decide="describe `read` or `listing` in the dialect, or check their pointers",
            cites=(search,),
        )
    if "listing" not in search.unread and not any(
        p.own_id for p in search.places if p.name.startswith("listing")
    ):
        return Inconclusive(
            because="the listing was read, but the new key was not found in it",
            decide="check `listing` in the dialect: its pages may not all have been read",
            cites=(search,),
        )
    left = _bits_left(search, search.shown_together)
    if left < _ENOUGH_BITS:
        return Inconclusive(
            because=f"only {left:.0f} bits of the secret are neither common to all keys nor part of a public id",
            decide="compare with the gateway's documentation: is the id that it shows cut from the secret?",
            cites=(search,),
        )
    return Pass(
        because=f"{search.seen()} answers searched, {len(about)} of them about the key; "
        f"{search.shown_together} characters shown, {left:.0f} bits left",
        cites=(search,),
        norm=_norms(search, about),
    )


def _norms(search: ShownOnce, about: list[Place]) -> tuple[Norm, ...]:
    unread = ", ".join(search.unread)
    note = f"asked: {', '.join(p.name for p in about)}" + (
        f"; not offered or refused: {unread}" if unread else ""
    )
    return (
        Norm(source="OWASP ASVS 5.0.0, 14.2.6", verdict="met", note=note),
        Norm(
            source="RFC 9111, 5.2.2.5: the answer that creates a key says no-store",
            verdict="met" if search.no_store else "not met",
        ),
    )


def _bits_left(search: ShownOnce, characters: int) -> float:
    return max(0, search.secret_characters - characters) * search.bits_per_character
