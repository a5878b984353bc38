"""A twin on the reference gateway that reads, keeps and changes what it only should pass on, and odd ones that do not."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from reference_gateway.config import Provider
from reference_gateway.content.upstream import provider_headers
from reference_gateway.parts import Parts
from tests.twins import registry
from tests.twins.around import UpstreamAround, sending
from tests.twins.checks import ANEW, ANSWERS, CALLER, CROSSES, FOLLOWED, HEADERS, REQUESTS, SIFTED
from tests.twins.reference_caches import replays_for_anybody
from tests.twins.reference_changing import (
    finish_reasons_rewritten,
    peer_address_forwarded,
    prompts_numbered_by_digest,
    tools_dropped,
)
from tests.twins.reference_reading import credentials_blackened, links_previewed

twin = partial(registry.twin, host="reference")
variant = partial(registry.variant, host="reference", about=("Z2",))


@twin(
    "reads-keeps-and-changes",
    fails={FOLLOWED, SIFTED, ANEW, CROSSES, REQUESTS, ANSWERS, CALLER, HEADERS},
    collection=True,
)
def reads_keeps_and_changes(parts: Parts) -> Parts:
    """Links are followed and keys blackened, answers replayed for anybody, tools dropped, finish reasons rewritten,
    callers' addresses forwarded, and requests numbered by digest.
    """
    for change in (
        links_previewed,
        credentials_blackened,
        replays_for_anybody,
        tools_dropped,
        finish_reasons_rewritten,
        peer_address_forwarded,
        prompts_numbered_by_digest,
    ):
        parts = change(parts)
    return parts


@variant("house-rules-declared", claims={"transforms": ["messages"]})
def house_rules_declared(parts: Parts) -> Parts:
    """The gateway adds a system message of its own, as it says."""

    class Adding(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            return body | {"messages": [{"role": "system", "content": "Be kind."}, *body["messages"]]}

    return sending(parts, Adding)


@variant("another-spelling")
def another_spelling(parts: Parts) -> Parts:
    """The same request in the words of a newer API: another name for the bound, one stop sequence, members without a value."""

    class Respelling(UpstreamAround):
        def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
            bound = body.pop("max_tokens", None)
            stop = body.get("stop")
            tools = [
                tool | {"function": {"strict": None, **tool["function"]}} for tool in body.get("tools", [])
            ]
            return {
                "metadata": {"tier": "gold"},
                **body,
                **({"max_completion_tokens": bound} if bound is not None else {}),
                **({"stop": stop[0]} if isinstance(stop, list) and len(stop) == 1 else {}),
                **({"tools": tools} if tools else {}),
            }

    return sending(parts, Respelling)


@variant("traces-of-its-own")
def traces_of_its_own(parts: Parts) -> Parts:
    """The provider is told which gateway calls, and in which of its own traces."""

    def rule(provider: Provider, api_key: str, stream: bool) -> Mapping[str, str]:
        own = provider_headers(provider, api_key, stream)
        trace = {
            "traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01",
            "via": "1.1 gateway",
            "x-forwarded-for": "10.1.2.3",
        }
        return {**own, **trace}

    return replace(parts, provider_headers=rule)
