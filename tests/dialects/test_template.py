"""Filling templates and following pointers."""

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.dialects.template import UnknownVariable, entries, fill_json, fill_text, follow

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON, st.text())
def test_any_pointer_into_any_document_leads_somewhere_or_to_nothing(document: Any, pointer: str) -> None:
    follow(document, pointer)  # and never raises


@given(st.lists(st.text(), min_size=1, max_size=4), st.integers())
def test_what_was_put_at_a_pointer_is_found_there(keys: list[str], value: int) -> None:
    document: Any = value
    for key in reversed(keys):
        document = {key: document}
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
    assert follow(document, pointer) == value


# RFC 6901, section 5, and near misses of ours.
_RFC: dict[str, Any] = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "found"),
    [
        ("", _RFC), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2), ("/e^f", 3),
        ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
        ("/foo/2", None), ("/foo/-", None), ("/foo/00", None), ("/foo/-1", None), ("/foo/²", None), ("/foo/0/1", None),
        ("/nothing", None), ("/a/b", None), ("/m~n", 8),
    ],
)  # fmt: skip
def test_pointers_lead_where_rfc_6901_says(pointer: str, found: Any) -> None:
    assert follow(_RFC, pointer) == found


@pytest.mark.parametrize(
    "document", [None, 5, "text", {"items": 5}, {"items": {"0": "a"}}, {"items": "abc"}, []]
)
def test_entries_are_an_array_or_nothing(document: Any) -> None:
    assert entries(document, "/items") is None


def test_entries_of_an_empty_array_are_not_nothing() -> None:
    assert entries({"items": []}, "/items") == []


@given(st.text())
def test_a_variable_in_a_path_stays_one_segment(value: str) -> None:
    encodable = value.encode("utf-8", "replace").decode()
    path = fill_text("/keys/{id}", {"id": encodable}, escape=True)
    head, _, segment = path.rpartition("/")
    assert head == "/keys"
    assert unquote(segment) == encodable
    assert not set(segment) & set("?#& ")


@pytest.mark.parametrize("variables", [{}, {"id": None}])
def test_a_text_with_an_unset_variable_is_refused(variables: dict[str, Any]) -> None:
    with pytest.raises(UnknownVariable, match=r"\{id\}"):
        fill_text("/keys/{id}", variables)


@pytest.mark.parametrize("value", [Decimal("0.1"), 5, True, "text", ["a"]])
def test_a_lone_variable_keeps_its_type(value: Any) -> None:
    filled = fill_json({"limit": "{limit}"}, {"limit": value})["limit"]
    assert (filled, type(filled)) == (value, type(value))


def test_a_field_whose_lone_variable_is_unset_is_left_out() -> None:
    template = {
        "name": "{name}",
        "limit": "{limit}",
        "deep": {"limit": "{limit}"},
        "list": ["{limit}", "{name}"],
    }
    assert fill_json(template, {"name": "n"}) == {"name": "n", "deep": {}, "list": ["n"]}


def test_a_variable_inside_a_longer_text_must_be_set() -> None:
    with pytest.raises(UnknownVariable):
        fill_json({"note": "limit {limit}"}, {})


def test_braces_that_are_no_variable_stay() -> None:
    assert fill_json({"schema": '{"type": "object"}'}, {}) == {"schema": '{"type": "object"}'}


def test_what_a_variable_holds_is_not_filled_again() -> None:
    assert fill_text("{a}", {"a": "{b}", "b": "secret"}) == "{b}"
