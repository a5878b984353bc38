"""What the pre-flight found: whether each declared access really works, and what money means on the target."""

from conformance.model.evidence import Evidence, Record, Unobserved


class Step(Record, frozen=True, kw_only=True):
    """One thing that must work before anything can be concluded. `blocks` names the access that is lost without it.

    `proves` names the access that it shows to work.
    """

    name: str
    detail: str
    trouble: Unobserved | None = None
    blocks: str = ""
    proves: str = ""


class Price(Record, frozen=True, kw_only=True):
    """What a model costs, in picodollars per token, and where that was learnt: `declared`, `models endpoint` or `measured`.

    Where no prices per token explain what was measured, it is the cost of one fixed call and holds for calls of just that shape:
    `call` is set and the others are 0.
    """

    model: str
    source: str
    prompt: int = 0
    completion: int = 0
    call: int = 0

    def bill(self, prompt_tokens: int, completion_tokens: int, calls: int = 1) -> int:
        """What tokens cost; for a measured price, what that many calls of the measured shape cost."""
        if self.call:
            return self.call * calls
        return prompt_tokens * self.prompt + completion_tokens * self.completion


class Preflight(Evidence, frozen=True, kw_only=True):
    """The steps in their order, and the price of the model that probes call."""

    steps: tuple[Step, ...]
    price: Price | None = None

    def seen(self) -> int:
        """Steps that worked."""
        return sum(step.trouble is None for step in self.steps)
