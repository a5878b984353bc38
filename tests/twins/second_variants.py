"""Odd but conformant variants of the second gateway: whatever is no promise may be otherwise."""

from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.twins import registry

variant = partial(registry.variant, host="second")


@variant("as-it-is")
class AsItIs(SecondGateway):
    """PBKDF2, cents, 403, usage that shows late, a clear-text port that redirects."""
