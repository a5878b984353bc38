"""Twins on the second gateway that keep answers to give them again, and one that may."""

import json
import re
from functools import partial
from typing import Any

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Call
from tests.hosts.second_order import Order
from tests.hosts.second_store import Hold
from tests.twins import registry
from tests.twins.checks import ANEW, CROSSES

# One of a collection, `reads-keeps-and-changes`, does it too, among other things.
alone = partial(registry.twin, host="second", bundled=True)
variant = partial(registry.variant, host="second", about=("Z2",))


class _Keeping(SecondGateway):
    """Whole answers are kept under what `place` makes of a call; None: not at all."""

    def place(self, call: Call, order: Order) -> Any:
        raise NotImplementedError

    def fetch(self, call: Call, order: Order, hold: Hold) -> bytes:
        kept: dict[Any, bytes] = self.__dict__.setdefault("_kept", {})
        place = self.place(call, order)
        if place is None:
            return super().fetch(call, order, hold)
        if place not in kept:
            kept[place] = super().fetch(call, order, hold)
        return kept[place]


_SHORT = 120  # characters


def _words(order: Order) -> frozenset[str]:
    """The words of a short question; none of a long one."""
    content = json.loads(order.payload)["messages"][-1]["content"]
    short = isinstance(content, str) and len(content) <= _SHORT
    return frozenset(re.findall(r"\w+", content.lower())) if short else frozenset()


@alone("short-questions-kept-by-their-words", fails={ANEW, CROSSES})
class ShortQuestionsKeptByTheirWords(_Keeping):
    """A short question in other dress gets the answer that somebody got before."""

    def place(self, call: Call, order: Order) -> Any:
        words = _words(order)
        return words or None


@alone("replays-for-anybody", fails={ANEW, CROSSES})
class ReplaysForAnybody(_Keeping):
    """An idempotency key finds its answer, whoever presents it and whatever the prompt."""

    def place(self, call: Call, order: Order) -> Any:
        return call.headers.get("Idempotency-Key")


@alone("answers-kept-while-asking-anew", fails={ANEW, CROSSES})
class AnswersKeptWhileAskingAnew(_Keeping):
    """The answer that was given before is given again, while a newer one is fetched for the next."""

    def place(self, call: Call, order: Order) -> Any:
        words = _words(order)
        return words or None

    def fetch(self, call: Call, order: Order, hold: Hold) -> bytes:
        kept: dict[Any, bytes] = self.__dict__.setdefault("_kept", {})
        place = self.place(call, order)
        fresh = SecondGateway.fetch(self, call, order, hold)
        if place is None:
            return fresh
        stale, kept[place] = kept.get(place, fresh), fresh
        return stale


@variant("replays-as-declared", claims={"opt_in_storage": ["idempotency"]})
class ReplaysAsDeclared(_Keeping):
    """Callers may have an answer given again, by an idempotency key of their own; the page says so."""

    def place(self, call: Call, order: Order) -> Any:
        key = call.headers.get("Idempotency-Key")
        return (key, call.token, order.payload) if key else None
