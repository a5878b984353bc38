"""Twins of the second gateway that pass on more than they should, or something else, or twice."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from http.client import HTTPResponse
from typing import Any

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Call, RefusalError
from tests.hosts.second_order import Order
from tests.hosts.second_store import Hold
from tests.twins import registry
from tests.twins.checks import ANEW, CALLER, CROSSES, ONCE, SEQUENTIAL, UNCHANGED, USAGE

twin = partial(registry.twin, host="second")


@twin("key-forwarded", fails={"forwarding.gateway-key-stays-behind"})
class KeyForwarded(SecondGateway):
    """The caller's key goes along to the provider."""

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        return {**super().upstream_headers(call), "X-Client-Key": call.bearer}


@twin("key-forwarded-encoded", fails={"forwarding.gateway-key-stays-behind"})
class KeyForwardedEncoded(SecondGateway):
    """The caller's key goes along to the provider, in base64."""

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        encoded = base64.b64encode(call.bearer.encode()).decode()
        return {**super().upstream_headers(call), "X-Client": encoded}


@twin("cookies-forwarded", fails={CALLER})
class CookiesForwarded(SecondGateway):
    """All headers of the caller but its key go along to the provider."""

    def upstream_headers(self, call: Call) -> Mapping[str, str]:
        cookie = call.headers.get("Cookie", "")
        return {**super().upstream_headers(call), "Cookie": cookie}


@twin("answers-cached", fails={ONCE, ANEW, CROSSES})
class AnswersCached(SecondGateway):
    """The same question gets the answer that it got before."""

    def fetch(self, call: Call, order: Order, hold: Hold) -> bytes:
        cache: dict[bytes, bytes] = self.__dict__.setdefault("_answers", {})
        if order.payload not in cache:
            cache[order.payload] = super().fetch(call, order, hold)
        return cache[order.payload]


class Rewriting(SecondGateway):
    """Sends `rewritten` instead of what was asked."""

    def rewritten(self, request: dict[str, Any]) -> dict[str, Any]:
        return request

    @contextmanager
    def _asked(self, call: Call, order: Order, hold: Hold) -> Iterator[HTTPResponse]:
        payload = json.dumps(self.rewritten(json.loads(order.payload))).encode()
        with super()._asked(call, replace(order, payload=payload), hold) as answer:
            yield answer


@twin("system-sentence-added", fails={UNCHANGED})
class SystemSentenceAdded(Rewriting):
    """The gateway puts in a word of its own."""

    def rewritten(self, request: dict[str, Any]) -> dict[str, Any]:
        messages = request["messages"]
        return request | {"messages": [{"role": "system", "content": "Be brief."}, *messages]}


@twin("prompts-shortened", fails={UNCHANGED})
class PromptsShortened(Rewriting):
    """The end of each message is cut off."""

    def rewritten(self, request: dict[str, Any]) -> dict[str, Any]:
        messages = request["messages"]
        return request | {
            "messages": [message | {"content": message["content"][:-5]} for message in messages]
        }


@twin("calls-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
class CallsSentTwice(SecondGateway):
    """Every call goes to the provider twice, and one answer is thrown away."""

    @contextmanager
    def _asked(self, call: Call, order: Order, hold: Hold) -> Iterator[HTTPResponse]:
        with suppress(RefusalError), super()._asked(call, order, hold) as spare:
            spare.read()
        with super()._asked(call, order, hold) as answer:
            yield answer


@twin("streams-sent-twice", fails={ONCE, USAGE, SEQUENTIAL})
class StreamsSentTwice(SecondGateway):
    """Streams go to two providers, and the second answer is thrown away."""

    @contextmanager
    def _asked(self, call: Call, order: Order, hold: Hold) -> Iterator[HTTPResponse]:
        if order.stream:
            with suppress(RefusalError), super()._asked(call, order, hold) as spare:
                spare.read()
        with super()._asked(call, order, hold) as answer:
            yield answer
