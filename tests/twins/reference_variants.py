"""Odd but conformant variants of the reference gateway: whatever is no promise may be otherwise."""

from functools import partial

from reference_gateway.app import Parts
from tests.twins import registry

variant = partial(registry.variant, host="reference")


@variant("as-it-is")
def as_it_is(parts: Parts) -> Parts:
    """Nothing replaced."""
    return parts
