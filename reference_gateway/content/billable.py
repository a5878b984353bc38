"""What a key with a spend limit may send: fields whose cost the length of the body bounds.

Everything else (server tools, stored prompts, fallback routes, priority tiers, predictions, cache
writes, files) may cost what no byte of the body shows, so it is refused rather than guessed. Each
endpoint has its own closed lists beside its shape; here is what they share.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from reference_gateway.config import Model
from reference_gateway.web.faults import Fault, RefusalError

# Fields that steer the choice of tokens and cost nothing themselves, in all shapes that make text.
SAMPLING: Final = frozenset(
    {
        "temperature",
        "top_p",
        "top_k",
        "min_p",
        "presence_penalty",
        "frequency_penalty",
        "repetition_penalty",
        "seed",
        "stop",
        "logprobs",
        "logit_bias",
        "user",
        "safety_identifier",
    }
)
# "auto" is what an absent tier means; every other name has, or may get, a price of its own.
_USUAL_TIERS: Final = (None, "auto", "default")


def within(value: Mapping[str, Any], allowed: Collection[str], param: str | None = None) -> None:
    """Refuses fields outside a closed list."""
    if any(name not in allowed for name in value):
        raise RefusalError(Fault.UNBILLABLE_FIELD, param=param)


def require_usual_tier(body: Mapping[str, Any]) -> None:
    """Refuses service tiers that change the price."""
    if body.get("service_tier") not in _USUAL_TIERS:
        raise RefusalError(Fault.UNBILLABLE_FIELD, param="service_tier")


def require_function(tool: Mapping[str, Any], allowed: Collection[str]) -> None:
    """Refuses tools that run at the provider: they cost calls, and tokens that nobody sent."""
    within(tool, allowed, "tools")
    if tool.get("type") != "function":
        raise RefusalError(Fault.UNBILLABLE_FIELD, param="tools")


def require_image(url: object, model: Model, param: str) -> None:
    """Refuses an image unless the model has a bound for one, and what only claims to be an image."""
    image = isinstance(url, str) and url.startswith(("https://", "data:image/"))
    if model.image_tokens is None or not image:
        raise RefusalError(Fault.UNSUPPORTED_PART, param=param)
