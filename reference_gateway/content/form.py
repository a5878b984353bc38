"""What a shape makes of a request, and how the answer to it is read and shown."""

from dataclasses import dataclass
from typing import Any, Protocol

from reference_gateway.content.meter import Usage
from reference_gateway.content.sealed import Sealed
from reference_gateway.web.faults import Fault

Json = dict[str, Any]


class EventReader(Protocol):
    """Reads one event stream. What ends a stream well is kept back until `end`, so that a call can be
    settled before its answer is complete."""

    done: bool  # the provider said that the answer is complete

    @property
    def final_usage(self) -> Usage | None:
        """The usage that settles, if the provider gave one."""

    def feed(self, piece: Sealed) -> Sealed:
        """The complete events so far that are not forwarded yet. Raises EventTooLargeError."""

    def end(self) -> Sealed:
        """What closes a stream that went well."""

    def fault(self, fault: Fault) -> bytes:
        """What closes a stream that did not: an error event of the caller's API."""


class Form(Protocol):
    """How the answer to one request is read and shown."""

    def whole(self, answer: Sealed) -> tuple[Sealed, Usage | None]:
        """What the caller gets of a complete answer, and what it cost."""

    def refused(self, status: int, answer: Sealed) -> Sealed:
        """What the caller gets of a JSON answer that refuses the request for the caller to mend."""

    def stream(self) -> EventReader:
        """A fresh reader for an answer that comes as events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """A checked request. `body` is what to forward, but for the model's name.

    `completion` is the most tokens that may be produced; `images` counts what the length of the body
    says nothing about.
    """

    body: Json
    stream: bool
    completion: int
    form: Form
    images: int = 0
