"""The shipped dialects, and what a dialect must be to mean something."""

from typing import Any

import msgspec
import pytest

from conformance.dialects.grammar import Call, Dialect, Operation, Pages
from conformance.dialects.shipped import shipped
from conformance.dialects.sound import complaint


def _call(path: str = "/keys", **more: Any) -> Call:
    return Call(method="POST", path=path, **more)


def _dialect(**more: Any) -> Dialect:
    create = Operation(calls=(_call(capture={"secret": "/key", "id": "/id"}),))
    fields: dict[str, Any] = {"name": "own", "create": create, "revoke": Operation(calls=(_call(),))}
    return Dialect(**(fields | more))


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_dialect_can_mean_what_it_says(name: str) -> None:
    assert complaint(shipped()[name]) is None


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_dialect_says_what_it_speaks_and_can_read_list_limit_and_revoke(name: str) -> None:
    dialect = shipped()[name]
    assert dialect.name == name
    assert dialect.about
    assert dialect.read is not None
    assert dialect.listing is not None
    assert dialect.listing.name, "cleanup finds keys by name"
    assert dialect.set_limit is not None


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_shipped_dialect_without_rotation_says_why(name: str) -> None:
    dialect = shipped()[name]
    assert dialect.rotate is not None or dialect.absent["rotate"]


def test_the_least_dialect_is_sound() -> None:
    assert complaint(_dialect()) is None


def _listing(**pointers: str) -> Pages:
    fields: dict[str, Any] = {"items": "/data", "id": "/id"}
    return Pages(call=Call(method="GET", path="/keys"), **(fields | pointers))


@pytest.mark.parametrize(
    ("more", "key", "said"),
    [
        ({"create": Operation(calls=(_call(capture={"secret": "/key"}),))}, "create", "must capture id"),
        ({"create": Operation(calls=(_call(),))}, "create", "must capture id and secret"),
        ({"create": Operation(calls=(_call(capture={"secret": "key", "id": "/id"}),))}, "create", "'key' is not a JSON"),
        ({"create_limited": Operation(calls=(_call(capture={"id": "/id"}),))}, "create_limited", "must capture secret"),
        ({"rotate": Operation(calls=(_call(),))}, "rotate", "must capture secret"),
        ({"revoke": Operation(calls=(_call("keys"),))}, "revoke", "does not begin with '/'"),
        ({"further_reads": (_call("export"),)}, "further_reads", "does not begin with '/'"),
        ({"own": Operation(calls=(_call(at="content-api"),))}, "own", "the admin credential goes to the key API only"),
        ({"auth_value": "Bearer"}, "auth_value", "{credential}"),
        ({"prices": {"items": "/data"}}, "prices", "give all of"),
        ({"error_code": "error"}, "error_code", "not a JSON pointer"),
        ({"listing": _listing(items="data")}, "listing", "not a JSON pointer"),
        ({"listing": _listing(name="name")}, "listing", "not a JSON pointer"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_complained_about(more: dict[str, Any], key: str, said: str) -> None:
    found = complaint(_dialect(**more))
    assert found is not None
    assert found[0] == key
    assert said in found[1]


def test_calls_together_may_capture_what_is_needed() -> None:
    create = Operation(calls=(_call(capture={"id": "/id"}), _call(capture={"secret": "/key"})))
    assert complaint(_dialect(create=create)) is None


def test_a_key_may_read_itself_at_the_content_api() -> None:
    own = Operation(calls=(_call(at="content-api", credential="key"),))
    assert complaint(_dialect(own=own)) is None


def test_unknown_keys_of_a_dialect_are_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `creat`"):
        msgspec.convert({"name": "own", "creat": {}}, Dialect)
