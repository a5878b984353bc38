"""Z2: fields of requests and answers, as they came through."""

from typing import Any

import pytest

from conformance.checks.integrity import answers_return_whole, requests_arrive_whole
from conformance.model.egress import FieldFate, Integrity
from conformance.model.verdict import Fail, Pass
from tests.checks.made import declared, word


def fate(
    field: str = "tools", part: Any = "request", sent: int = 2, unchanged: int = 2, **more: int
) -> FieldFate:
    """A field that came through unchanged."""
    return FieldFate(field=field, part=part, sent=sent, unchanged=unchanged, **more)


LOST = fate(unchanged=0, missing=2)
REFUSED = fate("seed", sent=0, unchanged=0, refused=1)
TEXTS = fate("messages", "content", unchanged=0)
CALLS = fate("tool calls", "answer")


@pytest.mark.parametrize(
    ("fields", "transforms", "verdict"),
    [
        ((fate(), CALLS), (), "pass"),
        ((fate(), fate("seed", unchanged=1)), (), "fail"),
        ((LOST,), (), "fail"),
        ((fate("n"), LOST), ("tools",), "pass"),
        ((LOST,), ("tools",), "inconclusive"),
        ((fate(), REFUSED), (), "pass"),
        ((REFUSED,), (), "inconclusive"),
        ((fate(), TEXTS), (), "pass"),
        ((TEXTS, CALLS), (), "inconclusive"),
        ((), (), "inconclusive"),
    ],
)
def test_a_field_that_was_served_otherwise_than_sent_is_a_breach(
    fields: tuple[FieldFate, ...], transforms: tuple[str, ...], verdict: str
) -> None:
    assert word(requests_arrive_whole(Integrity(fields=fields), declared(transforms=transforms))) == verdict


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ((CALLS, LOST), "pass"),
        ((fate("vectors", "answer", unchanged=1),), "fail"),
        ((fate("answer texts", "content", unchanged=0), CALLS), "pass"),
        ((fate(),), "inconclusive"),
    ],
)
def test_an_answer_is_judged_by_its_own_fields(fields: tuple[FieldFate, ...], verdict: str) -> None:
    assert word(answers_return_whole(Integrity(fields=fields), declared())) == verdict


def test_the_finding_names_the_field_and_says_how_much_of_it_is_missing() -> None:
    judged = requests_arrive_whole(Integrity(fields=(fate("n"), LOST)), declared())

    assert isinstance(judged, Fail)
    assert judged.observed == "tools: 2 of 2 changed, 2 of them missing"


def test_a_pass_says_what_was_refused_and_what_is_excepted() -> None:
    compared = Integrity(fields=(fate("n"), LOST, REFUSED), translated=2)

    judged = requests_arrive_whole(compared, declared(transforms=("tools",)))

    assert isinstance(judged, Pass)
    assert "refused: seed" in judged.because
    assert "declared as changed: tools" in judged.because
    assert "2 calls in another API" in judged.because
