"""What is seen of a gateway that changes fields of requests and answers, and of one that does not."""

import re
from collections.abc import Callable

import pytest

from conformance.model.egress import FieldFate, Integrity
from conformance.probes.integrity import integrity
from tests.probes.egress.conftest import Play
from tests.probes.egress.passing import Body, Passing


def _fate(seen: Integrity, name: str) -> FieldFate:
    return next(field for field in seen.fields if field.field == name)


def _changed(seen: Integrity) -> set[str]:
    return {field.field for field in seen.fields if field.unchanged < field.sent}


def test_whatever_is_passed_on_as_it_is_is_unchanged(play: Play[Integrity]) -> None:
    seen = play(Passing(), integrity)

    assert not _changed(seen)
    assert {"image", "input", "vectors", "tools", "store", "finish reasons"} <= {f.field for f in seen.fields}
    assert all(field.sent and not field.refused for field in seen.fields)
    assert seen.translated == 0


def _without(*names: str) -> Callable[[Body], Body]:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def _respelt(body: Body) -> Body:
    bound, stop = body.pop("max_tokens", None), body.get("stop")
    return {
        **body,
        **({"max_completion_tokens": bound} if bound else {}),
        **({"stop": stop[0]} if stop else {}),
        "user": "somebody",
        "stream_options": {"include_usage": True},
    }


def _ruled(body: Body) -> Body:
    rules = {"role": "system", "content": "Be kind."}
    return body | ({"messages": [rules, *body["messages"]]} if "messages" in body else {})


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (_respelt, set()),
        (lambda body: dict(reversed(body.items())), set()),
        (_without("seed"), {"seed"}),
        (_without("max_tokens"), {"max_tokens"}),
        (lambda body: body | ({"store": True} if "store" in body else {}), {"store"}),
        (lambda body: body | ({"temperature": 1.0} if "temperature" in body else {}), {"temperature"}),
        (lambda body: body | ({"tools": body["tools"][:1]} if "tools" in body else {}), {"tools"}),
        (lambda body: body | ({"input": body["input"][:1]} if "input" in body else {}), {"input"}),
        (_ruled, {"messages"}),
    ],
)
def test_a_field_that_is_changed_on_its_way_is_named(
    play: Play[Integrity], change: Callable[[Body], Body], changed: set[str]
) -> None:
    assert _changed(play(Passing(changed=change), integrity)) == changed


def test_added_messages_are_told_from_lost_ones(play: Play[Integrity]) -> None:
    messages = _fate(play(Passing(changed=_ruled), integrity), "messages")

    assert messages.added_to == messages.sent > 0


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (rb'("finish_reason": ?)"\w+"', rb'\1"stop"', "finish reasons"),
        (rb"north", rb"south", None),
        (rb'"arguments": ?"(?!")', rb'"arguments": "~', "tool calls"),
        (rb'"embedding": ?\[', rb'"embedding": [9,', "vectors"),
        (rb'"content": ?"', rb'"content": "~', "answer texts"),
    ],
)
def test_a_part_of_an_answer_that_is_changed_on_its_way_back_is_named(
    play: Play[Integrity], old: bytes, new: bytes, changed: str | None
) -> None:
    seen = play(Passing(returned=lambda answer: re.sub(old, new, answer)), integrity)

    assert _changed(seen) == ({changed} if changed else set())


def test_what_is_refused_is_no_change_and_all_else_is_compared_alone(play: Play[Integrity]) -> None:
    seen = play(Passing(changed=lambda body: None if {"seed", "tools"} & body.keys() else body), integrity)

    assert not _changed(seen)
    assert _fate(seen, "seed").refused == 1
    assert _fate(seen, "tools").refused == 3
    assert _fate(seen, "store").sent == 1


def _responses(body: Body) -> Body:
    """The same in another API, whose tools are flat."""
    tools = [{"type": "function", **tool["function"]} for tool in body.get("tools", [])]
    bound = body.get("max_tokens")
    return {"model": body["model"], "input": body["messages"], "max_output_tokens": bound, "tools": tools}


def test_a_request_in_another_api_is_compared_by_what_it_says(play: Play[Integrity]) -> None:
    does = Passing(
        changed=lambda body: _responses(body) if "messages" in body and not body.get("stream") else body,
        path=lambda path: "/responses" if path == "/chat/completions" else path,
    )

    seen = play(does, integrity)

    assert seen.translated > 0
    assert not _changed(seen)
    assert not any(field.field == "seed" for field in seen.fields)
