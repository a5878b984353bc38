"""A twin of the reference gateway that shows its provider's key, and one that shows only the end of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from reference_gateway.config import Provider
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.checks import CREDENTIALS

# What informs decides nothing by itself.
_MADE = {"made": ["K1", "H2"]}
twin = partial(registry.twin, host="reference", claims=_MADE, about=("K1", "H2"))
variant = partial(registry.variant, host="reference", claims=_MADE, about=("K1", "H2"))


def _logging(parts: Parts, told: Callable[[str], str]) -> Parts:
    """A line for each call of the provider, with what is told of its key."""

    def headers(provider: Provider, api_key: str, stream: bool) -> Mapping[str, str]:
        print(json.dumps({"calling": provider.name, "key": told(api_key)}), flush=True)
        return parts.provider_headers(provider, api_key, stream)

    return replace(parts, provider_headers=headers)


@twin("provider-key-is-logged", fails={CREDENTIALS})
def provider_key_is_logged(parts: Parts) -> Parts:
    """Calls of the provider are written down as they were sent."""
    return _logging(parts, lambda key: f"Bearer {key}")


@variant("end-of-the-provider-key-is-logged")
def end_of_the_provider_key_is_logged(parts: Parts) -> Parts:
    """Four characters say which of several keys was used."""
    return _logging(parts, lambda key: f"…{key[-4:]}")
