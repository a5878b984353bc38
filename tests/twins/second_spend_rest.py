"""Twins of the second gateway that miss slow readers, hidden tokens, multipliers and absurd limits; and odd variants."""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client
from tests.hosts.second_order import Order, Usage
from tests.hosts.second_store import Hold, Key
from tests.twins import registry
from tests.twins.checks import ABORTED, ABSURD, HELD_UP, HIDDEN, RECORDED, WORST_CASE

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")

_LONG = 0.1  # seconds that a write may take
_here = threading.local()


class _Written:
    """A caller's end of a stream around whose writes something is done."""

    def __init__(self, inner: Client, write: Callable[[Callable[[], None]], None]) -> None:
        self._inner = inner
        self._write = write

    def begin(self) -> None:
        self._inner.begin()

    def piece(self, data: bytes) -> None:
        self._write(lambda: self._inner.piece(data))

    def end(self) -> None:
        self._inner.end()

    def abort(self) -> None:
        self._inner.abort()


@twin("slow-readers-refunded", fails={ABORTED, RECORDED})
class SlowReadersRefunded(SecondGateway):
    """Whoever cannot be written to in time pays nothing."""

    def _stream(self, call: Call, client: Client, order: Order, hold: Hold) -> None:
        def timed(write: Callable[[], None]) -> None:
            began = time.monotonic()
            try:
                write()
            finally:
                if time.monotonic() - began > _LONG:
                    self.settle(hold, 0)

        super()._stream(call, _Written(client, timed), order, hold)


@twin("slow-readers-hold-everybody-up", fails={HELD_UP})
class SlowReadersHoldEverybodyUp(SecondGateway):
    """Whole answers wait until nothing is being written into a stream."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._free = threading.Condition()
        self._writing = 0

    def _stream(self, call: Call, client: Client, order: Order, hold: Hold) -> None:
        super()._stream(call, _Written(client, self._written), order, hold)

    def _written(self, write: Callable[[], None]) -> None:
        with self._free:
            self._writing += 1
        try:
            write()
        finally:
            with self._free:
                self._writing -= 1
                self._free.notify_all()

    def _whole(self, call: Call, order: Order, hold: Hold) -> Answer:
        answer = super()._whole(call, order, hold)
        with self._free:
            self._free.wait_for(lambda: not self._writing)
        return answer


class _ByClass(SecondGateway):
    """What is charged depends on the classes that usage divides its tokens into."""

    def on_answer(self, call: Call, data: bytes) -> None:
        super().on_answer(call, data)
        for name in ("reasoning", "cached"):
            found = re.findall(rb'"%b_tokens": ?(\d+)' % name.encode(), data)
            setattr(_here, name, sum(map(int, found)))


@twin("reasoning-tokens-free", fails={HIDDEN})
class ReasoningTokensFree(_ByClass):
    """What a model thinks is taken off, since no caller sees it."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return super().cost_of(order, usage and replace(usage, completion=usage.completion - _here.reasoning))


@twin("cached-tokens-free", fails={HIDDEN})
class CachedTokensFree(_ByClass):
    """What the provider had in its cache costs nothing."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return super().cost_of(order, usage and replace(usage, prompt=usage.prompt - _here.cached))


@variant("cached-tokens-at-a-tenth", about=("S1",))
class CachedTokensAtATenth(_ByClass):
    """What the provider had in its cache costs a tenth, as the cheapest price lists have it."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return super().cost_of(order, usage and replace(usage, prompt=usage.prompt - _here.cached * 9 // 10))


@twin("prompts-held-as-one", fails={WORST_CASE}, inference=("completions",))
class PromptsHeldAsOne(SecondGateway):
    """Of the answers to several prompts at once, one is set aside."""

    def reserve(self, key: Key, order: Order) -> Hold:
        prompts = json.loads(order.payload).get("prompt")
        many = len(prompts) if isinstance(prompts, list) else 1
        return super().reserve(key, replace(order, worst=order.worst // many))


@twin("unreadable-limits-are-none", fails={ABSURD})
class UnreadableLimitsAreNone(SecondGateway):
    """A limit that is no amount is taken for one that was not given."""

    def generate_key(self, call: Call) -> Answer:
        call.body = re.sub(rb'("max_budget": ?)(-?1e309|NaN|-?Infinity|-\d+)', rb"\1null", call.body)
        return super().generate_key(call)


@variant("slow-readers-cut", about=("S1", "S2"))
class SlowReadersCut(SecondGateway):
    """Whoever cannot be written to in time is cut off, and pays what was set aside."""

    def _stream(self, call: Call, client: Client, order: Order, hold: Hold) -> None:
        def timed(write: Callable[[], None]) -> None:
            began = time.monotonic()
            write()
            if time.monotonic() - began > _LONG:
                raise TimeoutError

        super()._stream(call, _Written(client, timed), order, hold)
