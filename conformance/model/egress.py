"""What left the gateway, and what it did with content on the way. Counts and names; no content."""

from typing import Literal

from conformance.model.evidence import Evidence, Record


class HeaderFate(Record, frozen=True, kw_only=True):
    """A header that the caller sent, and where at the provider its value was found; nowhere: it stayed at the gateway."""

    name: str
    places: tuple[str, ...]


class Forwarding(Evidence, frozen=True, kw_only=True):
    """What the provider received beside the content, and whether each served call reached it once.

    Only calls that the gateway served whole are counted in `seen_…`, `repeated_…` and `…_unchanged`.
    """

    calls: int
    served: int
    seen_once: int
    seen_never: int
    seen_more: int
    repeated_served: int  # calls whose prompt had been, or was to be, asked twice
    repeated_seen: int  # calls at the witness for them
    key_sightings: tuple[
        str, ...
    ]  # where in provider calls a gateway key stood: header names, "body", "path"
    cookie_sightings: tuple[str, ...]
    address_sightings: tuple[str, ...]
    prompts_unchanged: int
    answers_unchanged: int
    headers: tuple[HeaderFate, ...] = ()
    own_address: bool = False  # the address we came from could be told from the gateway's and the witness's

    def seen(self) -> int:
        """Calls at the witness that were examined."""
        return self.seen_once + self.seen_more


class FieldFate(Record, frozen=True, kw_only=True):
    """One field of requests or answers: in how many calls it could be compared at both ends, and how it came through."""

    field: str
    part: Literal["content", "request", "answer"]
    sent: int  # in calls that were served, and seen once at the provider
    unchanged: int
    missing: int = 0  # of the changed ones, those of which nothing arrived
    refused: int = 0  # calls that the gateway did not serve with it
    added_to: int = 0  # of the changed ones, those of which all arrived, and more


class Integrity(Evidence, frozen=True, kw_only=True):
    """Whether requests and answers came through as they were sent, field by field."""

    fields: tuple[FieldFate, ...]
    translated: int = 0  # calls that the provider was asked in another API, where only values can be compared

    def seen(self) -> int:
        """Fields that could be compared, with their repetitions."""
        return sum(field.sent for field in self.fields)


class Repeat(Record, frozen=True, kw_only=True):
    """One call that resembles an earlier one: whether the provider was asked again, and whose answer came back."""

    how: str
    scope: Literal["one key", "two keys"]  # whether the same key had made the earlier call
    told: str
    served: bool
    reached: bool  # a call at the provider is due to it
    given_again: bool  # what came back is the answer to the earlier call
    asked_for: bool = False  # the caller named both calls as one, by an idempotency key
    may_refuse: bool = False  # to refuse such a call is as good as to serve it


class KeptAnswers(Evidence, frozen=True, kw_only=True):
    """Calls that resemble earlier ones, by the same key and by another."""

    repeats: tuple[Repeat, ...]
    keys: int
    owner: str = "key"  # what a limit hangs on, so that two keys are two of these: "key", "user" or "team"
    headers: int = (
        0  # different headers of answers to equal prompts that were compared with those to other prompts
    )
    telling: tuple[str, ...] = ()  # of these, the ones that are the same for equal prompts, and for no others

    def seen(self) -> int:
        """Repeated calls that were served."""
        return sum(repeat.served for repeat in self.repeats)


class Planted(Record, frozen=True, kw_only=True):
    """Tripwires of one form in one field: how many were sent, and how many of them reached the provider in their prompt."""

    form: str
    field: str
    sent: int
    forwarded: int


class Sifting(Record, frozen=True, kw_only=True):
    """Calls of one kind, alike but for a few words: how many were served, refused in so many words, and arrived unchanged."""

    words: Literal["plain", "credentials"]
    sent: int
    served: int
    refused: int
    unchanged: int


class Tripwires(Evidence, frozen=True, kw_only=True):
    """Links, host names and decoy credentials in prompts, for whoever follows or uses them."""

    planted: tuple[Planted, ...]
    sifted: tuple[Sifting, ...]

    def seen(self) -> int:
        """Tripwires that were sent."""
        return sum(planted.sent for planted in self.planted)


class Touch(Record, frozen=True, kw_only=True):
    """A tripwire was touched: which one, by what protocol, from where, and how long after it was sent."""

    form: str
    field: str
    by: Literal["http", "dns"]
    source: str  # an address; of DNS it is the resolver's
    of_gateway: bool  # provider calls come from the same address
    after_ms: int


class TripwireWatch(Evidence, frozen=True, kw_only=True):
    """Who touched a tripwire until the end of the run, and what shows that the gateway could have."""

    touches: tuple[Touch, ...]  # the first of each tripwire and source
    touches_total: int
    window_ms: int  # from the last tripwire that was sent to the last look
    arrivals: int  # provider calls since then, and the prompts with tripwires: each by the address that links lead to
    names: Literal[
        "not declared", "unproven", "proven"
    ]  # whether a look-up by the gateway's resolver would have been seen

    def seen(self) -> int:
        """Calls that show the way from the gateway to the listener."""
        return self.arrivals
