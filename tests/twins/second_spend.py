"""Further twins on the second gateway that let a key spend more than it may, each by one flaw, and variants that do not."""

import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, RefusalError
from tests.hosts.second_order import Order, Usage, parse
from tests.hosts.second_store import Hold, Key
from tests.twins import registry
from tests.twins.checks import (
    ABORTED,
    ABSURD,
    CHANGED,
    CONCURRENT,
    IDENTITY,
    MODELS,
    RECORDED,
    ROOM,
    SEQUENTIAL,
    SMALL,
    UNMETERED,
    USAGE,
    WORST_CASE,
)
from tests.twins.registry import MODEL
from tests.twins.second_variants import ON_USERS

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")


_POINT = 56 * 10**6  # pico-dollars, of which the usual call of an audit costs three
_here = threading.local()


@twin("limit-check-then-act-20ms", fails={CONCURRENT})
class LimitCheckThenAct20Ms(SecondGateway):
    """Check and hold lie twenty milliseconds apart."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if not self.store.fits(key, order.worst):
            raise RefusalError(403)
        time.sleep(0.02)
        return self.store.hold(key, order.worst, order.worst)


@twin("limit-counted-by-each-process", fails={SEQUENTIAL})
class LimitCountedByEachProcess(SecondGateway):
    """Two processes, to which connections fall in turn; each knows what it held itself."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._fallen: dict[object, int] = {}
        self._used: dict[tuple[int, str], int] = {}
        self._open: dict[int, tuple[int, str]] = {}

    def handle(self, call: Call, client: Client) -> Answer | None:
        peer = getattr(client, "client_address", None)
        with self.store.lock:
            _here.process = self._fallen.setdefault(peer, len(self._fallen) % 2)
        return super().handle(call, client)

    def reserve(self, key: Key, order: Order) -> Hold:
        place = _here.process, key.id
        with self.store.lock:
            if key.limit is not None and self._used.get(place, 0) + order.worst > key.limit:
                raise RefusalError(403)
            self._used[place] = self._used.get(place, 0) + order.worst
            hold = self.store.hold(key, order.worst, order.worst)
            self._open[id(hold)] = place
            return hold

    def settle(self, hold: Hold, cost: int) -> None:
        with self.store.lock:
            place = self._open.pop(id(hold), None)
            if place is not None:
                self._used[place] += cost - hold.worst
        super().settle(hold, cost)


@twin("hold-clamped-to-what-is-left", fails={SEQUENTIAL})
class HoldClampedToWhatIsLeft(SecondGateway):
    """A hold that does not fit is shrunk until it does."""

    def reserve(self, key: Key, order: Order) -> Hold:
        with self.store.lock:
            left = order.worst if key.limit is None else key.limit - key.spent - key.held
            if left <= 0:
                raise RefusalError(403)
            return self.store.hold(key, min(order.worst, left), order.worst)


@twin("answers-held-as-one", fails={WORST_CASE})
class AnswersHeldAsOne(SecondGateway):
    """Of several answers, one is set aside."""

    def reserve(self, key: Key, order: Order) -> Hold:
        many = json.loads(order.payload).get("n", 1)
        return super().reserve(key, replace(order, worst=order.worst // many))


@twin("no-bound-little-hold", fails={WORST_CASE})
class NoBoundLittleHold(SecondGateway):
    """Where a request bounds no tokens, a usual number of them is set aside."""

    def reserve(self, key: Key, order: Order) -> Hold:
        most = order.model.max_output
        if f'"max_tokens":{most}'.encode() not in order.payload:
            return super().reserve(key, order)
        few = order.worst - order.model.price(0, most - 64)
        return super().reserve(key, replace(order, worst=few))


@twin("left-calls-refunded", fails={ABORTED, RECORDED})
class LeftCallsRefunded(SecondGateway):
    """Whoever leaves a stream before its end pays nothing."""

    def _stream(self, call: Call, client: Client, order: Order, hold: Hold) -> None:
        super()._stream(call, _Noticing(client, lambda: self.settle(hold, 0)), order, hold)


class _Noticing:
    """A caller's end of a stream whose breaking off is told."""

    def __init__(self, inner: Client, left: Callable[[], None]) -> None:
        self._inner = inner
        self._left = left

    def begin(self) -> None:
        self._inner.begin()

    def piece(self, data: bytes) -> None:
        try:
            self._inner.piece(data)
        except OSError:
            self._left()
            raise

    def end(self) -> None:
        self._inner.end()

    def abort(self) -> None:
        self._inner.abort()


@twin("holds-stay-after-refusals", fails={ROOM})
class HoldsStayAfterRefusals(SecondGateway):
    """What was set aside for a call that the provider refused is never given back."""

    def settle(self, hold: Hold, cost: int) -> None:
        if cost == 0:
            hold.settled = True
        super().settle(hold, cost)


@twin("unmetered-is-free", fails={UNMETERED, RECORDED})
class UnmeteredIsFree(SecondGateway):
    """Where the provider does not say what was used, nothing was."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return 0 if usage is None else super().cost_of(order, usage)


@twin("usage-below-zero-believed", fails={UNMETERED})
class UsageBelowZeroBelieved(SecondGateway):
    """Whatever number of tokens the provider says is charged, also one below zero."""

    def on_answer(self, call: Call, data: bytes) -> None:
        below = re.findall(rb'_tokens":\s*-(\d+)', data)
        _here.below = [int(tokens) for tokens in below[:2]]

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        below = getattr(_here, "below", [])
        if usage is None and len(below) == 2:
            return -order.model.price(*below)
        return super().cost_of(order, usage)


@twin("variants-are-free", fails={MODELS})
class VariantsAreFree(SecondGateway):
    """A model's free variant is the model, and free."""

    def chat(self, call: Call, client: Client) -> Answer | None:
        body = parse(call.body)
        _here.free = body.get("model") == f"{MODEL}:free"
        if _here.free:
            call.body = json.dumps({**body, "model": MODEL}).encode()
        return super().chat(call, client)

    def settle(self, hold: Hold, cost: int) -> None:
        super().settle(hold, 0 if getattr(_here, "free", False) else cost)


@twin("forwarded-users-pay-themselves", fails={IDENTITY})
class ForwardedUsersPayThemselves(SecondGateway):
    """Whoever a header names pays, and nobody limits whom a header names."""

    def chat(self, call: Call, client: Client) -> Answer | None:
        _here.other = "X-Forwarded-User" in call.headers
        return super().chat(call, client)

    def settle(self, hold: Hold, cost: int) -> None:
        super().settle(hold, 0 if getattr(_here, "other", False) else cost)


@twin("named-users-pay", fails={IDENTITY, USAGE, "spend.nobody-pays-for-somebody-else"}, dialect=ON_USERS)
class NamedUsersPay(SecondGateway):
    """A call is charged to the user whom it names, where there is such a user: with its own limit, which is another's."""

    def chat(self, call: Call, client: Client) -> Answer | None:
        _here.named = str(json.loads(call.body).get("user"))
        return super().chat(call, client)

    def reserve(self, key: Key, order: Order) -> Hold:
        named = self.store.users.get(_here.named)
        return super().reserve(key if named is None else replace(key, user_id=named.id), order)


@twin("charges-in-whole-points", fails={SMALL, RECORDED})
class ChargesInWholePoints(SecondGateway):
    """Every charge is rounded to whole points, of which small calls cost none."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return round(super().cost_of(order, usage) / _POINT) * _POINT


@twin("zero-is-unlimited", fails={ABSURD})
class ZeroIsUnlimited(SecondGateway):
    """A budget that is not true is none."""

    def reserve(self, key: Key, order: Order) -> Hold:
        return (
            self.store.hold(key, order.worst, order.worst) if key.limit == 0 else super().reserve(key, order)
        )


@twin("change-resets-usage", fails={CHANGED})
class ChangeResetsUsage(SecondGateway):
    """A changed key begins anew."""

    def update_key(self, call: Call) -> Answer:
        answer = super().update_key(call)
        self._named(parse(call.body).get("key")).spent = 0
        return answer


@variant("holds-back-thrice", about=("S1", "S2"))
class HoldsBackThrice(SecondGateway):
    """Every call reserves three times its worst case: it refuses early, and never too late."""

    def reserve(self, key: Key, order: Order) -> Hold:
        return super().reserve(key, replace(order, worst=3 * order.worst))


@variant("refuses-with-400", about=("S1", "S2"))
class RefusesWith400(SecondGateway):
    """Refusals for the limit are told as a plain 400, as some gateways do."""

    def chat(self, call: Call, client: Client) -> Answer | None:
        try:
            return super().chat(call, client)
        except RefusalError as refusal:
            raise RefusalError(400 if refusal.status == 403 else refusal.status) from refusal
