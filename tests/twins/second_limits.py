"""Twins of the second gateway whose budgets can be exceeded, each by one flaw."""

import time
from functools import partial

from tests.hosts.second_config import Config
from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Call, RefusalError
from tests.hosts.second_order import Order
from tests.hosts.second_store import Hold, Key
from tests.twins import registry
from tests.twins.checks import CONCURRENT, REFUSED, SEQUENTIAL

twin = partial(registry.twin, host="second")


@twin("limit-ignored", fails={SEQUENTIAL, CONCURRENT})
class LimitIgnored(SecondGateway):
    """A budget that is shown and never asked for."""

    def reserve(self, key: Key, order: Order) -> Hold:
        return self.store.hold(key, order.worst, order.worst)


@twin("limit-check-then-act", fails={CONCURRENT})
class LimitCheckThenAct(SecondGateway):
    """The worst case is checked, and held a moment later: a race for whoever does not wait."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if not self.store.fits(key, order.worst):
            raise RefusalError(403)
        time.sleep(0.05)
        return self.store.hold(key, order.worst, order.worst)


@twin("limit-check-then-act-narrow", fails={CONCURRENT})
class LimitCheckThenActNarrow(SecondGateway):
    """The same race with a window of five milliseconds."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if not self.store.fits(key, order.worst):
            raise RefusalError(403)
        time.sleep(0.005)
        return self.store.hold(key, order.worst, order.worst)


@twin("limit-after-the-fact", fails={SEQUENTIAL, CONCURRENT})
class LimitAfterTheFact(SecondGateway):
    """A call is let through while less than the budget is spent."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if key.limit is not None and key.spent >= key.limit:
            raise RefusalError(403)
        return self.store.hold(key, 0, order.worst)


@twin(
    "limit-on-late-usage", fails={SEQUENTIAL, CONCURRENT}, config={"usage_lag": 1.0}, claims={"usage_lag": 4}
)
class LimitOnLateUsage(SecondGateway):
    """The budget is compared with the usage that is shown, which follows late."""

    def reserve(self, key: Key, order: Order) -> Hold:
        if key.limit is not None and key.recorded + order.worst > key.limit:
            raise RefusalError(403)
        return self.store.hold(key, 0, order.worst)


@twin("refused-after-forwarding", fails={SEQUENTIAL, CONCURRENT, REFUSED})
class RefusedAfterForwarding(SecondGateway):
    """The provider is asked first, and whoever is over the limit then gets no answer."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.over: list[Hold] = []

    def reserve(self, key: Key, order: Order) -> Hold:
        if self.store.fits(key, order.worst):
            return super().reserve(key, order)
        hold = self.store.hold(key, 0, order.worst)
        self.over.append(hold)
        return hold

    def fetch(self, call: Call, order: Order, hold: Hold) -> bytes:
        data = super().fetch(call, order, hold)
        if any(hold is over for over in self.over):
            self.settle(hold, 0)
            raise RefusalError(403)
        return data


@twin("refuses-after-forwarding", fails={REFUSED, SEQUENTIAL, CONCURRENT})
class RefusesAfterForwarding(SecondGateway):
    """The budget is asked when the answer is there: the caller gets a refusal, the provider's bill stands."""

    def reserve(self, key: Key, order: Order) -> Hold:
        try:
            return super().reserve(key, order)
        except RefusalError:
            headers = {
                "Authorization": f"Bearer {self.config.upstream_key}",
                "Content-Type": "application/json",
            }
            with self.provider.asked("nobody", order.payload, headers, lambda: True) as answer:
                answer.read()
            raise
