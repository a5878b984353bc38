"""What crosses from the content plane to the ledger has a fixed size and no room for words."""

import dataclasses
import typing
from enum import IntEnum

import pytest

from reference_gateway.events import Event
from reference_gateway.ledger import wire

MESSAGES = [kind for kind in vars(wire).values() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_holds_integers_enums_and_at_most_a_key(message: type) -> None:
    kinds = typing.get_type_hints(message)

    numbers = {name for name, kind in kinds.items() if kind in {int, bool} or issubclass(kind, IntEnum)}
    assert kinds.keys() - numbers <= ({"key"} if message is wire.Authorise else set())


def test_a_message_does_not_show_a_key() -> None:
    assert "rgw" not in repr(wire.Authorise(1, b"rgw_secret"))


def test_an_event_has_no_field_for_words() -> None:
    kinds = typing.get_type_hints(Event)

    assert str not in {part for kind in kinds.values() for part in (typing.get_args(kind) or (kind,))}
