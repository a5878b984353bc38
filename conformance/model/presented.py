"""What was seen of keys that were presented otherwise than they should be, and of refusals. No secret is in here."""

from typing import Literal

from conformance.model.evidence import Evidence, Record

NO_KEY = "no key at all"
How = Literal["carrier", "altered", "placeholder", "scheme", "doubled"]


class Presented(Record, frozen=True, kw_only=True):
    """One way to present a key, or none, at one endpoint.

    `told` is a status or what happened instead; `reached` are the provider's calls that carried its prompt.
    """

    how: How
    what: str
    endpoint: str
    told: str
    served: bool
    reached: int = 0
    decided: bool = True  # False: overload, breakdown or the network, and not the same each time
    shows: float = 0.0  # bits of the secret that the answer gives back
    whole: bool = False  # it gives back all of it, in any encoding

    def admitted(self) -> bool:
        """Whether that opened the endpoint."""
        return self.served or self.reached > 0


class EndpointControl(Record, frozen=True, kw_only=True):
    """Whether the same key, presented as it should be, opened an endpoint before and after. `public`: it is open to anybody."""

    endpoint: str
    before: bool
    after: bool
    public: bool = False


class KeyPresentation(Evidence, frozen=True, kw_only=True):
    """A key with credit, presented in every way but the right one at every endpoint."""

    controls: tuple[EndpointControl, ...]
    attempts: tuple[Presented, ...]
    secret_bits: float  # of the key, as far as it is not public
    mixed_case: bool  # whether the letter case is a part of the secret
    unanswered: int  # attempts of which nothing is known

    def seen(self) -> int:
        """Attempts that were answered."""
        return len(self.attempts) - self.unanswered


State = Literal["unknown", "wrong secret", "revoked", "disabled", "expired"]


class Refusal(Record, frozen=True, kw_only=True):
    """How one endpoint answered one kind of key that it must refuse; digests stand for what is compared.

    Ids, numbers and what was presented do not count; `steady`: asked again, it answered the same, and nothing of overload.
    """

    state: State
    endpoint: str
    told: str
    headers: str
    body: str
    steady: bool
    shows: float = 0.0
    whole: bool = False

    def served(self) -> bool:
        """Whether it was no refusal at all."""
        return self.told.startswith("2")

    def looks(self) -> tuple[str, str, str]:
        """What a caller can tell it by."""
        return self.told, self.headers, self.body


class Refusals(Evidence, frozen=True, kw_only=True):
    """Answers to keys that were never given, and to keys that were ended."""

    answers: tuple[Refusal, ...]
    secret_bits: float
    alive: tuple[str, ...]  # states whose key was still served when it was asked about
    absent: tuple[str, ...]  # states into which no key could be brought

    def seen(self) -> int:
        """Answers compared."""
        return len(self.answers)
