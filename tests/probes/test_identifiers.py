"""Only what differs on every answer identifies answers."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.probes.identifiers import Identifiers

IDS = [f"req_{number:020d}x" for number in range(6)]
VALUES = st.text(alphabet="abcdefXYZ0123456789-_.:", min_size=12, max_size=40).filter(
    lambda value: not value[:4].isdigit()
)


def _found(*answers: list[tuple[str, str]]) -> tuple[str, ...]:
    identifiers = Identifiers()
    for headers in answers:
        identifiers.note(headers)
    return identifiers.found()


@given(st.lists(VALUES, min_size=5, max_size=30, unique=True))
def test_values_that_always_differ_are_found_whatever_the_header_is_called(values: list[str]) -> None:
    assert set(values) <= set(_found(*([("x-anything", value)] for value in values)))


@given(st.lists(VALUES, min_size=1, max_size=30), st.data())
def test_one_repetition_spoils_a_header(values: list[str], data: st.DataObject) -> None:
    twice = [*values, data.draw(st.sampled_from(values))]
    assert _found(*([("x-anything", value)] for value in twice)) == ()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_few_answers_are_not_enough(count: int) -> None:
    assert _found(*([("x-request-id", value)] for value in IDS[:count])) == ()


@pytest.mark.parametrize("name", ["Date", "etag", "SET-COOKIE", "Content-Length", "last-modified", "expires"])
def test_headers_that_differ_for_other_reasons_never_count(name: str) -> None:
    assert _found(*([(name, value)] for value in IDS)) == ()


@pytest.mark.parametrize(
    "value", ["short{}", "with space, number {} ", "{}/slashes/slashes", "x" * 100 + "{}"]
)
def test_what_does_not_look_like_an_identifier_is_passed_over(value: str) -> None:
    assert _found(*([("x-h", value.format(number))] for number in range(8))) == ()


def test_names_of_headers_are_one_in_any_case() -> None:
    answers = ([("X-Id" if number % 2 else "x-id", value)] for number, value in enumerate(IDS))
    assert set(IDS) <= set(_found(*answers))


def test_the_longest_run_of_letters_and_digits_is_looked_for_too() -> None:
    assert "00000000000000000000x" in _found(*([("x-id", value)] for value in IDS))
    plain = [str(UUID(int=number)) for number in range(5)]
    assert "000000000004" in _found(*([("x-id", value)] for value in plain))


def test_a_header_that_never_ends_does_not_fill_our_memory() -> None:
    identifiers = Identifiers()
    for number in range(2000):
        identifiers.note([("x-id", f"request-number-{number:08d}")])
    assert len(identifiers.found()) <= 800


@pytest.mark.parametrize("moment", ["2026-11-24T03:52:1{}.123Z", "17323{:08d}", "1732412{}00123456"])
def test_moments_identify_nothing(moment: str) -> None:
    assert _found(*([("x-time", moment.format(number))] for number in range(1, 9))) == ()


def test_the_identifiers_of_one_answer_are_told_once_the_header_is_known_to_hold_them() -> None:
    seen, late = Identifiers(), [("X-Call", "req_0000000000000009"), ("server", "a server of some kind")]

    before = seen.of(late)
    for number in range(5):
        seen.note([("x-call", f"req_000000000000000{number}"), ("server", "a server of some kind")])

    assert before == ()
    assert seen.of(late) == ("req_0000000000000009", "0000000000000009")
    assert "req_0000000000000009" not in seen.found()
