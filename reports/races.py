"""How surely an audit sees a race against a limit, in words: what it is worth that no bill went beyond one. Pure."""

import math

from conformance.model.races import Race, Races

_UNMEASURED = "this build carries no measurement of it: run `python -m tests.bench --races`"


def figures(races: Races | None) -> str:
    """How often audits caught each window, and the least share of audits that this proves with 95 % confidence."""
    if races is None or not races.windows:
        return _UNMEASURED
    return "; ".join(
        f"{race.window_ms} ms between check and record: caught in {race.caught} of {race.audits} audits ({_least(race)})"
        for race in races.windows
    )


def bounds(races: Races | None) -> str:
    """The least shares alone, for a line of a terminal."""
    if races is None or not races.windows:
        return _UNMEASURED
    return ", ".join(f"{race.window_ms} ms in {_least(race)}" for race in races.windows) + " of audits"


def meaning(races: Races | None) -> str:
    """What the figures say of an audit that saw no overspending, and where they were measured."""
    if races is None or not races.windows:
        return "How surely a race would have shown itself is unknown: a pass says that none did."
    return (
        f"Had this gateway such a flaw, an audit would have caught it with that probability, {_where(races)}. "
        "A narrower race, or one that takes more calls at once, can be there all the same."
    )


def _where(races: Races) -> str:
    return (
        f"as measured by audits of the {races.profile} profile against twins of the reference gateway, on loopback with "
        f"{races.cores} cores and Gateproof {races.suite}"
    )


def _least(race: Race) -> str:
    return f"≥ {math.floor(100 * race.at_least)} %"
