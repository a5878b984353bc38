"""Keys as an audit knows them, what the key API says of them, and what goes wrong in between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.dialects.grammar import Call
from conformance.model.evidence import CannotObserve
from conformance.model.scale import Fault
from conformance.probes.door import Answer


class KeyApiTrouble(CannotObserve):
    """The key API did not do what the dialect says it does.

    `answer` is what it answered instead, None where it did not; `call` is the place of that call in its operation, from 0;
    `sent` is false where the call cannot have reached it.
    """

    def __init__(
        self,
        reason: str,
        *,
        fault: Fault,
        decide: str,
        answer: Answer | None = None,
        call: int = 0,
        sent: bool = True,
    ) -> None:
        super().__init__(reason, fault=fault, decide=decide)
        self.answer = answer
        self.call = call
        self.sent = sent

    @property
    def status(self) -> int | None:
        """The status of the answer, None where there was none."""
        return None if self.answer is None else self.answer.status


@dataclass(frozen=True, slots=True)
class Key:
    """A key that the audit made. `variables` are its public identifiers; the secret is never printed."""

    name: str
    secret: str = field(repr=False)
    id: str
    limit: int | None  # picodollars
    variables: Mapping[str, str]
    creation: Answer = field(repr=False)
    shown_by: "Sent | None" = field(
        default=None, repr=False, compare=False
    )  # the call that showed its secret

    def names(self) -> tuple[str, ...]:
        """Everything public by which the gateway may know the key or its owner, each once."""
        return tuple(dict.fromkeys((self.name, self.id, *self.variables.values())))


@dataclass(frozen=True, slots=True)
class Sent:
    """A call of a dialect as it was made: with which variables, and with which headers beside the dialect's own."""

    call: Call
    variables: Mapping[str, Any] = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the gateway says of a key: its limit and recorded usage in picodollars, None where it does not say."""

    limit: int | None
    usage: int | None
    answer: Answer = field(repr=False)


@dataclass(frozen=True, slots=True)
class Look:
    """A GET that changes nothing: `headers` hold no credential, `admitted` are the same with the admin's."""

    path: str  # below the base URL of the key API
    headers: Mapping[str, str]
    admitted: Mapping[str, str] = field(repr=False)
