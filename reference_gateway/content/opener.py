"""The one way out of `Sealed`. Import contracts name the modules that may use it."""

from typing import cast

from reference_gateway.content.sealed import Sealed


def unsealed(content: Sealed) -> bytes:
    """The bytes inside. The caller must let go of them before it returns."""
    # The name that the interpreter gives a private slot; nothing else in the package spells it.
    return cast("bytes", getattr(content, "_Sealed__data"))  # noqa: B009
