"""A twin on the second gateway that reads, keeps and changes what it only should pass on, and odd ones that do not."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.hosts.second_http import Call
from tests.twins import registry
from tests.twins.checks import ANEW, ANSWERS, CALLER, CROSSES, FOLLOWED, HEADERS, REQUESTS, SIFTED
from tests.twins.second_caches import ReplaysForAnybody
from tests.twins.second_changing import (
    ArgumentsChanged,
    PeerAddressForwarded,
    PromptsNumberedByDigest,
    SamplingFixed,
)
from tests.twins.second_forwarding import Rewriting
from tests.twins.second_reading import CredentialsBlackened, LinksPreviewed

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second", about=("Z2",))


@twin(
    "reads-keeps-and-changes",
    fails={FOLLOWED, SIFTED, ANEW, CROSSES, REQUESTS, ANSWERS, CALLER, HEADERS},
    collection=True,
)
class ReadsKeepsAndChanges(
    LinksPreviewed,
    ArgumentsChanged,
    ReplaysForAnybody,
    SamplingFixed,
    PeerAddressForwarded,
    PromptsNumberedByDigest,
):
    """Links are followed and keys blackened, answers replayed for anybody, sampling fixed, arguments changed, callers'
    addresses forwarded, and requests numbered by digest.
    """

    def rewritten(self, request: dict[str, Any]) -> dict[str, Any]:
        return CredentialsBlackened.blackened(super().rewritten(request))


@variant("house-rules-declared", claims={"transforms": ["messages"]})
class HouseRulesDeclared(Rewriting):
    """The gateway adds a message of its own at the end, as it says."""

    def rewritten(self, request: dict[str, Any]) -> dict[str, Any]:
        return request | {"messages": [*request["messages"], {"role": "system", "content": "Be kind."}]}


@variant("tells-who-asks", claims={"transforms": ["user"]})
class TellsWhoAsks(Rewriting):
    """The provider gets a name of the gateway's own for each key, an order of members that is another, and a trace."""

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        own = {"X-Trace": call.id, "User-Agent": "second-gateway/1", "X-Forwarded-For": "10.9.8.7"}
        return {**super().upstream_headers(call), **own}

    def rewritten(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"user": "somebody", **dict(reversed(request.items()))}
