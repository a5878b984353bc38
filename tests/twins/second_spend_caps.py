"""Twins of the second gateway whose users, or whose dear models, can spend more than a limit, and variants that do not."""

import json
import threading
import time
from dataclasses import replace
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Answer, Call, Client, RefusalError
from tests.hosts.second_order import Order, Usage, parse
from tests.hosts.second_store import Hold, Key
from tests.twins import registry
from tests.twins.checks import ACCOUNTS, EVERY_MODEL
from tests.twins.registry import MODEL

twin = partial(registry.twin, host="second")
variant = partial(registry.variant, host="second")

_DEAR, _WILD, _TIMES = "dear-model", "wild/*", 20
MODELS = {_DEAR: ("20", "40"), _WILD: ("20", "40")}
_here = threading.local()


class _OfItsUser(SecondGateway):
    """A limit of a user, which hangs on no key."""

    def room(self, key: Key) -> int | None:
        """What the user of a key may spend still, in pico-dollars; None where nothing limits it."""
        user = self.store.users.get(key.user_id or "")
        return None if user is None or user.limit is None else user.limit - user.spent - user.held


@twin("account-limit-for-each-key", fails={ACCOUNTS})
class AccountLimitForEachKey(SecondGateway):
    """Each key of a user may spend all that the user may."""

    def reserve(self, key: Key, order: Order) -> Hold:
        user = self.store.users.get(key.user_id or "")
        with self.store.lock:
            limits = [
                account.limit for account in (key, user) if account is not None and account.limit is not None
            ]
            if any(key.spent + key.held + order.worst > limit for limit in limits):
                raise RefusalError(403)
            return self.store.hold(key, order.worst, order.worst)


@twin("deleted-keys-take-their-spending-along", fails={ACCOUNTS})
class DeletedKeysTakeTheirSpendingAlong(SecondGateway):
    """What a user has spent is what the keys have spent that it has."""

    def revoke(self, key: Key, *, forget: bool) -> None:
        super().revoke(key, forget=forget)
        user = self.store.users.get(key.user_id or "")
        if forget and user is not None:
            with self.store.lock:
                user.spent -= key.spent


@twin("account-check-then-act-20ms", fails={ACCOUNTS})
class AccountCheckThenAct20Ms(_OfItsUser):
    """The user's limit is looked at twenty milliseconds before its hold; the key's is not."""

    def reserve(self, key: Key, order: Order) -> Hold:
        room = self.room(key)
        if room is not None:
            if order.worst > room:
                raise RefusalError(403)
            time.sleep(0.02)
            return self.store.hold(key, order.worst, order.worst)
        return super().reserve(key, order)


@twin("dear-model-at-the-usual-price", fails={EVERY_MODEL}, models=MODELS)
class DearModelAtTheUsualPrice(SecondGateway):
    """What every model costs is looked up as the first one's."""

    def reserve(self, key: Key, order: Order) -> Hold:
        dear = order.model is not self.config.models[MODEL]
        return super().reserve(key, replace(order, worst=order.worst // _TIMES) if dear else order)

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        cost = super().cost_of(order, usage)
        return cost if order.model is self.config.models[MODEL] else cost // _TIMES


class _Naming(SecondGateway):
    """A model has a second name, another every name below one; whatever else is asked for, the usual model answers."""

    def chat(self, call: Call, client: Client) -> Answer | None:
        body = parse(call.body)
        asked = str(body.get("model"))
        names = {f"openai/{_DEAR}": _DEAR} | dict.fromkeys(self.config.models)
        known = names[asked] or asked if asked in names else _WILD if asked.startswith("wild/") else MODEL
        _here.asked = asked
        if known != asked:
            call.body = json.dumps({**body, "model": known}).encode()
        return super().chat(call, client)


@variant("models-with-many-names", about=("S1",), models=MODELS)
class ModelsWithManyNames(_Naming):
    """Further models at prices of their own, which they have under each of their names."""


class _Cheap(_Naming):
    """Under some names a dear model has the usual price."""

    def is_cheap(self, name: str) -> bool:
        """Whether it is one of these."""
        raise NotImplementedError

    def reserve(self, key: Key, order: Order) -> Hold:
        cheap = self.is_cheap(_here.asked)
        return super().reserve(key, replace(order, worst=order.worst // _TIMES) if cheap else order)

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        cost = super().cost_of(order, usage)
        return cost // _TIMES if self.is_cheap(_here.asked) else cost


@twin("alias-at-the-usual-price", fails={EVERY_MODEL}, models=MODELS)
class AliasAtTheUsualPrice(_Cheap):
    """Under its second name the dear model has the usual price."""

    def is_cheap(self, name: str) -> bool:
        return name == f"openai/{_DEAR}"


@twin("wildcard-at-the-usual-price", fails={EVERY_MODEL}, models=MODELS)
class WildcardAtTheUsualPrice(_Cheap):
    """Names that a rule leads to a dear model have the usual price."""

    def is_cheap(self, name: str) -> bool:
        return name.startswith("wild/")
