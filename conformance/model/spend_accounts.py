"""What was seen of money that several keys share, and of models that cost more than the one that all other probes call."""

from conformance.model.evidence import Evidence, Record
from conformance.model.preflight import Price
from conformance.model.spend import Attempt, Scenario


class SpendAccounts(Evidence, frozen=True, kw_only=True):
    """Accounts with a limit, spent by several of their keys, together and by one key after another that is deleted.

    `remade` is told where there are no accounts: a key that was made in the place of a spent one, on a limit of its own.
    """

    price: Price
    scenarios: tuple[Scenario, ...] = ()
    ample_in_flight: int = 0  # of calls at once on an ample key: the most that the provider had at one time
    remade: Scenario | None = None
    told: str = ""  # what the gateway said to the making of an account, where it has none

    def seen(self) -> int:
        """Calls whose bill is known."""
        return sum(len(scenario.calls) for scenario in self.every())

    def every(self) -> tuple[Scenario, ...]:
        """All scenarios."""
        return (*self.scenarios, *((self.remade,) if self.remade is not None else ()))


class ModelTried(Record, frozen=True, kw_only=True):
    """One name of a model on a limited key. `price` is that of the model which the provider was then asked for."""

    name: str
    price: Price
    attempt: Attempt


class SpendModels(Evidence, frozen=True, kw_only=True):
    """Keys spent by calls of further models; `left_out` says which were not tried, and why."""

    tried: tuple[ModelTried, ...] = ()
    left_out: tuple[str, ...] = ()
    only: str = ""  # the model of the target file, where it names but one that the witness serves

    def seen(self) -> int:
        """Calls whose bill is known, and the lone model."""
        return sum(len(model.attempt.calls) for model in self.tried) + bool(self.only)
