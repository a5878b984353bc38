"""A twin of the second gateway whose users can overspend by several keys at once, and by no single one."""

import threading
from collections import defaultdict

from tests.hosts.second_config import Config
from tests.hosts.second_order import Order
from tests.hosts.second_store import Hold, Key
from tests.twins.checks import ACCOUNTS
from tests.twins.registry import twin
from tests.twins.second_spend_caps import AccountCheckThenAct20Ms


@twin("account-race-between-keys", host="second", fails={ACCOUNTS})
class AccountRaceBetweenKeys(AccountCheckThenAct20Ms):
    """Calls of one key wait for each other, those of several keys of a user do not."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def reserve(self, key: Key, order: Order) -> Hold:
        with self._turns[key.id]:
            return super().reserve(key, order)
