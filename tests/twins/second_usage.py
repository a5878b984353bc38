"""Twins of the second gateway that charge or show something else than what was used."""

from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_order import Order, Usage
from tests.hosts.second_store import Account, Hold, Key
from tests.twins import registry
from tests.twins.checks import SEQUENTIAL, USAGE

twin = partial(registry.twin, host="second")


@twin("streams-not-counted", fails={USAGE, SEQUENTIAL})
class StreamsNotCounted(SecondGateway):
    """Streams cost nothing."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return 0 if order.stream else super().cost_of(order, usage)


@twin("usage-shown-by-half", fails={USAGE})
class UsageShownByHalf(SecondGateway):
    """The budget counts all, the usage that is shown half."""

    def usage_of(self, account: Account) -> int:
        return super().usage_of(account) // 2


@twin("half-is-charged", fails={USAGE, SEQUENTIAL})
class HalfIsCharged(SecondGateway):
    """Half of the cost is charged, so that budgets admit twice what they say."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return super().cost_of(order, usage) // 2


@twin("completions-not-counted", fails={USAGE, SEQUENTIAL})
class CompletionsNotCounted(SecondGateway):
    """Only prompts are charged."""

    def cost_of(self, order: Order, usage: Usage | None) -> int:
        return super().cost_of(order, usage and Usage(prompt=usage.prompt, completion=0))


@twin("refusals-charged", fails={"spend.provider-refusals-are-free"})
class RefusalsCharged(SecondGateway):
    """A provider's refusal costs the hold."""

    def cost_of_refusal(self, hold: Hold) -> int:
        return hold.worst


@twin("usage-charged-to-another", fails={USAGE, "spend.nobody-pays-for-somebody-else"})
class UsageChargedToAnother(SecondGateway):
    """Usage is shown by team, and the team is what keys have in common at the start of their names."""

    def usage_of(self, account: Account) -> int:
        if not isinstance(account, Key):
            return super().usage_of(account)
        with self.store.lock:
            return sum(key.recorded for key in self.store.keys.values() if _team(key) == _team(account))


def _team(key: Key) -> tuple[str, ...]:
    return tuple((key.alias or key.id).split("-")[:3])
