import copy
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from reference_gateway.content.opener import spent, unsealed
from reference_gateway.content.sealed import Sealed

SECRET = b"the prompt"

KEEPERS: list[Callable[[Sealed], Any]] = [
    pickle.dumps,
    copy.copy,
    copy.deepcopy,
    msgspec.json.encode,
    lambda sealed: bytes(sealed)[:1],  # type: ignore[call-overload]
    lambda sealed: sealed.__getstate__(),
    lambda sealed: b"".join([sealed]),  # type: ignore[list-item]
]


@pytest.mark.parametrize("keep", KEEPERS)
def test_sealed_content_cannot_be_kept(keep: Callable[[Sealed], Any]) -> None:
    with pytest.raises(TypeError):
        keep(Sealed(SECRET))


def test_sealed_content_shows_its_size_and_nothing_else() -> None:
    sealed = Sealed(SECRET)

    shown = [repr(sealed), str(sealed), f"{sealed}"]

    assert shown == ["<sealed 10 bytes>"] * 3
    assert len(sealed) == 10
    assert not hasattr(sealed, "__dict__")


def test_the_opener_opens() -> None:
    assert unsealed(Sealed(SECRET)) == SECRET


def test_what_is_spent_is_left_nowhere() -> None:
    sealed = Sealed(SECRET)

    assert spent(sealed) == SECRET
    assert (len(sealed), unsealed(sealed)) == (0, b"")
