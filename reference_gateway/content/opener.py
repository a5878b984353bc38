"""The one way out of `Sealed`. Import contracts name the modules that may use it."""

from typing import Final, cast

from reference_gateway.content.sealed import Sealed

# The name that the interpreter gives a private slot; nothing else in the package spells it.
_INSIDE: Final = "_Sealed__data"


def unsealed(content: Sealed) -> bytes:
    """The bytes inside. The caller must let go of them before it returns."""
    return cast("bytes", getattr(content, _INSIDE))


def spent(content: Sealed) -> bytes:
    """The same for the last time: inside, nothing is left."""
    inside = unsealed(content)
    setattr(content, _INSIDE, b"")
    return inside
