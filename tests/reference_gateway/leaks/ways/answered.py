"""Ways that lead to the provider: every endpoint, and all that a provider may do."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from tests.reference_gateway.everyway import CHAT, ENDPOINTS, STRANGERS, Campaign, Endpoint, Outcome

_CUT: Final = Outcome(502, "PROVIDER_CUT")
_LATE: Final = Outcome(504, "PROVIDER_TIMEOUT")
_LARGE: Final = Outcome(502, "PROVIDER_TOO_LARGE")
_REFUSED: Final = Outcome(502, "PROVIDER_REFUSED")
_FAILED: Final = Outcome(502, "PROVIDER_FAILED")
_SHOWN: Final = Outcome(200)

#: What a provider does, and where that leads.
WHOLE: Final = {
    "well": _SHOWN,
    "silent": _LATE,
    "cut-at-once": _CUT,
    "cut-in-head": _CUT,
    "cut-in-body": _CUT,
    "malformed": _SHOWN,
    "wrong-usage": _SHOWN,
    "plain-text": _SHOWN,
    "oversized": _LARGE,
    "no-http": _CUT,
    "huge-head": _CUT,
    "compressed": _CUT,
    "redirects": _REFUSED,
    "html-400": _REFUSED,
    "html-502": _FAILED,
    # What the caller can mend is told in the provider's words, which may quote the prompt.
    "refuses-400": Outcome(400),
    "refuses-413": Outcome(413),
    "refuses-422": Outcome(422),
    "refuses-401": _REFUSED,
    "refuses-403": _REFUSED,
    "refuses-404": _REFUSED,
    "refuses-429": Outcome(429, "PROVIDER_LIMITED"),
    "fails-500": _FAILED,
    "fails-503": _FAILED,
}
STREAMED: Final = {
    "well": _SHOWN,
    "stalls": Outcome(200, "PROVIDER_TIMEOUT"),
    "trickles": Outcome(200, "PROVIDER_TIMEOUT"),
    "ends-early": Outcome(200, "PROVIDER_CUT"),
    "cut-in-stream": Outcome(200, "PROVIDER_CUT"),
    "malformed-stream": Outcome(200, "PROVIDER_CUT"),
    "stream-error": Outcome(200, "PROVIDER_CUT"),
    "oversized-event": Outcome(200, "PROVIDER_TOO_LARGE"),
    "refuses-400": Outcome(400),
    "fails-500": _FAILED,
    "cut-at-once": _CUT,
}
# A translation needs an answer that it can read.
_UNREADABLE: Final = {"malformed": _FAILED, "plain-text": _FAILED}
_UNREADABLE_STREAMED: Final = {"stream-error": Outcome(200, "PROVIDER_FAILED")}
_SLOW: Final = frozenset({"silent", "stalls", "trickles"})

Way = tuple[str, Callable[[Campaign, str], None], Outcome]


def ways() -> Iterator[Way]:
    """Those that take no longer than they must."""
    yield from _ways(lambda script: script not in _SLOW)
    for stranger in STRANGERS:
        outcome = Outcome(502, "PROVIDER_UNREACHABLE", asked=False)
        yield f"chat, {stranger}", partial(_go, endpoint=CHAT, script=stranger, stream=False), outcome


def slow_ways() -> Iterator[Way]:
    """Those that end with somebody's patience."""
    yield from _ways(lambda script: script in _SLOW)


def _ways(wanted: Callable[[str], bool]) -> Iterator[Way]:
    for endpoint in ENDPOINTS:
        for script, stream, outcome in _scripts(endpoint):
            if wanted(script):
                name = f"{endpoint.name}, {script}{', streamed' if stream else ''}"
                yield name, partial(_go, endpoint=endpoint, script=script, stream=stream), outcome


def _scripts(endpoint: Endpoint) -> Iterator[tuple[str, bool, Outcome]]:
    unreadable = endpoint.name == "translated"
    for script, outcome in (WHOLE | (_UNREADABLE if unreadable else {})).items():
        yield script, False, outcome
    for script, outcome in (STREAMED | (_UNREADABLE_STREAMED if unreadable else {})).items():
        if endpoint.streams:
            yield script, True, outcome


def _go(campaign: Campaign, way: str, *, endpoint: Endpoint, script: str, stream: bool) -> None:
    # A key without a limit may send what has no bounded cost, in fields that nobody here knows.
    key = "free" if script == "well" else "limited"
    campaign.go(way, campaign.request(way, endpoint, script, stream=stream, key=key))
