"""H1: what a caller's calls made is nobody else's."""

from typing import Any

import pytest

from conformance.checks.key_objects import objects_belong_to_their_caller
from conformance.model.tenancy import ObjectAct, ObjectSeparation
from tests.checks.made import word


def asked(method: str = "GET", who: Any = "another key", **more: Any) -> ObjectAct:
    """A request of somebody else that was refused."""
    fields: dict[str, Any] = {"told": "404", "allowed": False}
    return ObjectAct(who=who, method=method, path="/v1/responses/{id}", **(fields | more))


SHOWN: dict[str, Any] = {"told": "200", "allowed": True}


def objects(*acts: ObjectAct, **more: Any) -> ObjectSeparation:
    """A response that its caller can read, and others ask for."""
    fields: dict[str, Any] = {
        "made": ("/v1/responses",), "ids": 1, "asked": 20, "readable": 1,
        "acts": acts or (asked(), asked(who="nobody"), asked("DELETE")), "lost": (),
    }  # fmt: skip
    return ObjectSeparation(**(fields | more))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (objects(), "pass"),
        (objects(asked(**SHOWN)), "fail"),
        (objects(asked(who="nobody", **SHOWN)), "fail"),
        (objects(asked("DELETE", **SHOWN), asked(decided=False)), "fail"),
        # Answered with success, and nothing shown: only what became of it tells.
        (objects(asked("DELETE", told="204")), "pass"),
        (objects(asked("DELETE", told="204"), lost=("/v1/responses/{id}",)), "fail"),
        (objects(asked(told="503", decided=False)), "inconclusive"),
        (objects(made=(), ids=0, readable=0, acts=()), "inconclusive"),
        (objects(readable=0, acts=()), "not-applicable"),
    ],
)
def test_objects_belong_to_their_caller(seen: ObjectSeparation, verdict: str) -> None:
    assert word(objects_belong_to_their_caller(seen)) == verdict
