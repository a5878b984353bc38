"""The summary for a terminal: one line per claim, and the gate's sentence last. Without colours."""

import textwrap
import unicodedata
from collections.abc import Sequence

from conformance.model.results import ClaimResult, Results
from reports import races
from reports.hostile import one_line
from reports.words import SYMBOLS, WORDS

_STYLES = {
    "pass": "green",
    "fail": "bold red",
    "inconclusive": "yellow",
    "not-applicable": "dim",
    "attested": "cyan",
    "not-assessed": "dim",
}
_WORD_WIDTH = max(map(len, WORDS.values()))
_TOLD_WHOLE = {"fail", "inconclusive"}
_LEAST_ROOM = 30  # cells of a wrapped reason, however narrow the terminal
_MOST_REASON = 60  # cells of the reason why claims were not assessed


def lines(results: Results, width: int) -> tuple[str, ...]:
    """One line per claim that is made or gated, how surely races are seen, what was not assessed, then the gate's sentence.

    Passes are cut to `width` terminal cells; what is broken or undecided is told whole, on indented lines where one is too short.
    The last two lines may be wider, since no id is ever cut.
    """
    made = [claim for claim in results.claims if claim.made or claim.gated]
    assessed = [claim for claim in made if claim.verdict != "not-assessed"]
    left = [claim for claim in made if claim.verdict == "not-assessed"]
    rows = _rows(assessed, width)
    if results.spend is not None:
        rows.append(_fitted(f"races seen: {races.bounds(results.races)}", width))
    return (*rows, *([_folded(left, width)] if left else []), one_line(results.gate.sentence))


def verdict_style(verdict: str) -> str:
    """The rich style in which a terminal prints a verdict's word. Raises KeyError on any other word."""
    return _STYLES[verdict]


def _rows(claims: Sequence[ClaimResult], width: int) -> list[str]:
    ids = max((len(claim.id) for claim in claims), default=0)
    titles = max((_cells(one_line(claim.short)) for claim in claims), default=0)
    return [line for claim in claims for line in _row(claim, ids, titles, width)]


def _row(claim: ClaimResult, ids: int, titles: int, width: int) -> list[str]:
    title = one_line(claim.short)
    padding = " " * (titles - _cells(title))
    start = f"{SYMBOLS[claim.verdict]} {WORDS[claim.verdict]:<{_WORD_WIDTH}} {claim.id:<{ids}}  {title}{padding}  "
    reason = one_line(claim.because)
    if claim.verdict not in _TOLD_WHOLE:
        return [_fitted(start + reason, width).rstrip()]
    room = max(width - _cells(start), _LEAST_ROOM)
    first, *rest = textwrap.wrap(reason, room) or [""]
    return [(start + first).rstrip(), *(" " * _cells(start) + line for line in rest)]


def _folded(claims: Sequence[ClaimResult], width: int) -> str:
    """Every id, grouped by reason; only the ids where the reasons do not fit."""
    groups: dict[str, list[str]] = {}
    for claim in claims:
        groups.setdefault(_fitted(one_line(claim.because), _MOST_REASON), []).append(claim.id)
    told = "not assessed: " + "; ".join(f"{', '.join(ids)} ({because})" for because, ids in groups.items())
    if len(groups) == 1 or _cells(told) <= width:
        return told
    return "not assessed: " + ", ".join(claim.id for claim in claims)


def _fitted(text: str, width: int) -> str:
    """The text in at most `width` cells, with an ellipsis where some is missing."""
    if _cells(text) <= width:
        return text
    kept = ""
    for character in text:
        if _cells(kept + character) > width - 1:
            break
        kept += character
    return f"{kept.rstrip()}…" if width else ""


def _cells(text: str) -> int:
    """How many terminal cells the text takes: two for wide characters, none for combining marks."""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
