"""Twins of the second gateway that charge calls which they refuse themselves."""

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import RefusalError
from tests.hosts.second_order import Order
from tests.hosts.second_store import Hold, Key
from tests.twins.registry import twin

_PRICE = 10**7  # picodollars of a refusal


@twin("own-refusals-charged", host="second", fails={"spend.provider-refusals-are-free"})
class OwnRefusalsCharged(SecondGateway):
    """Every call that a limit refuses costs a little."""

    def reserve(self, key: Key, order: Order) -> Hold:
        try:
            return super().reserve(key, order)
        except RefusalError:
            self.settle(self.store.hold(key, 0, order.worst), _PRICE)
            raise
