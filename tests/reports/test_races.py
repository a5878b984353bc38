"""How surely a race is seen stands in every report, and so does it when nobody measured it."""

import msgspec

from conformance.model.races import Race, Races
from conformance.model.results import Results
from reports import html, markdown, races, summary
from tests.reports.test_html import Page
from tests.reports.whole import whole_results

_RACES = Races(
    suite="0.1.0",
    check="spend.concurrent-limit-holds",
    profile="quick",
    cores=2,
    windows=(
        Race(window_ms=1, audits=20, caught=15, at_least=0.544),
        Race(window_ms=50, audits=20, caught=20, at_least=0.86),
    ),
)
_FIGURES = (
    "1 ms between check and record: caught in 15 of 20 audits (≥ 54 %); "
    "50 ms between check and record: caught in 20 of 20 audits (≥ 86 %)"
)
_UNMEASURED = "this build carries no measurement of it: run `python -m tests.bench --races`"


def _with(power: Races | None) -> Results:
    return msgspec.structs.replace(whole_results(), races=power)


def _terminal(results: Results) -> str:
    return "\n".join(summary.lines(results, width=120))


def test_the_figures_stand_in_every_report() -> None:
    results = _with(_RACES)

    assert Page(html.render(results)).text().count(_FIGURES) == 2  # on the cover and beside the curves
    assert _FIGURES in markdown.render(results)
    assert "races seen: 1 ms in ≥ 54 %, 50 ms in ≥ 86 % of audits" in _terminal(results)


def test_what_the_figures_mean_names_where_they_were_measured() -> None:
    told = races.meaning(_RACES)

    assert "audits of the quick profile" in told
    assert "with 2 cores and Gateproof 0.1.0" in told
    assert told in Page(html.render(_with(_RACES))).text()
    assert told in markdown.render(_with(_RACES))


def test_a_build_without_the_measurement_says_so() -> None:
    results = _with(None)

    assert Page(html.render(results)).text().count(_UNMEASURED) == 2
    assert _UNMEASURED in markdown.render(results)
    assert _UNMEASURED in _terminal(results)
    assert "is unknown" in races.meaning(None)


def test_where_no_key_was_spent_to_its_limit_races_are_told_of_on_the_cover_alone() -> None:
    results = msgspec.structs.replace(_with(_RACES), spend=None)

    assert Page(html.render(results)).text().count(_FIGURES) == 1
    assert "Races" not in markdown.render(results)
    assert "races" not in _terminal(results)
