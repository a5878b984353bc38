"""The words of the reports."""

import typing

import pytest

from conformance.model import results
from reports import words


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (59_940, "59.9 s"),
        (60_000, "1 min 0 s"),
        (4_272_000, "1 h 11 min 12 s"),
    ],
)
def test_a_duration_reads_as_a_person_says_it(milliseconds: int, said: str) -> None:
    assert words.duration(milliseconds) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2026-11-24T03:26:00Z", "2026-11-24 03:26:00"),
        ("2026-11-24T03:26:00.123+01:00", "2026-11-24 02:26:00"),
        ("2026-11-24T03:26:00", "2026-11-24T03:26:00"),
        ("soon", "soon"),
        ("", "not recorded"),
    ],
)
def test_a_moment_is_in_utc_or_left_alone(written: str, said: str) -> None:
    assert words.moment(written) == said


def test_a_span_needs_both_ends() -> None:
    assert words.span("2026-11-24T03:26:00Z", "2026-11-24T03:26:05Z") == "5.0 s"
    assert words.span("2026-11-24T03:26:00Z", "") == ""


def test_there_are_words_for_everything_that_the_model_can_say() -> None:
    verdicts = typing.get_args(results.ClaimVerdict)

    assert set(words.SYMBOLS) == set(words.WORDS) == set(words.VERDICTS) == set(verdicts)
    assert len(set(words.SYMBOLS.values())) == len(verdicts)
    assert set(words.LEVELS) == set(typing.get_args(results.LevelName))
    assert set(words.SEVERITIES) == set(typing.get_args(results.SeverityName))
    assert set(words.EXITS) == set(typing.get_args(results.ExitCode))
