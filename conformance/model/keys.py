"""What was seen of keys: where a secret shows after its creation, and how long a revoked one lives. No secret is in here."""

from typing import Literal

from msgspec import field

from conformance.model.evidence import Evidence, Record


class Place(Record, frozen=True, kw_only=True):
    """One answer that was searched for a secret after its creation.

    `shown` counts characters of the secret part that stand in it; `forms` names encodings in which the whole secret does.
    """

    name: str
    status: int | None
    own_id: bool  # the key's public id or name stands in it: the answer is about this key
    shown: int
    forms: tuple[str, ...] = ()


class ShownOnce(Evidence, frozen=True, kw_only=True):
    """A search of everything readable for the secret of a new key."""

    no_store: bool = False  # the answer that created it forbids to keep it (RFC 9111, 5.2.2.5)
    creation_shows: bool  # control: the search finds the secret in the answer that created it
    secret_characters: int  # characters that are neither a common prefix nor part of a public id
    bits_per_character: float
    shown_together: (
        int  # characters of the secret part that somebody knows who saw every answer but the creation's
    )
    places: tuple[Place, ...]
    unread: tuple[str, ...]  # what the dialect says the gateway lacks, or that did not answer

    def seen(self) -> int:
        """Answers searched."""
        return sum(place.status is not None for place in self.places)


End = Literal["revoke", "disable", "rotate", "expire", "remove the owner"]


class Death(Record, frozen=True, kw_only=True):
    """One key's end. Times are milliseconds after the command that ended it was answered, or after the date that did."""

    how: End
    alive_before: bool
    polls: int
    refused: int
    last_served_ms: int | None  # None: never served again
    watched_ms: int
    polls_after_deadline: int
    refused_after_deadline: int
    sibling_served: int
    sibling_polls: int
    statuses: tuple[int, ...]  # the distinct ones of the refusals
    places: tuple[str, ...] = ()  # endpoints, and addresses where there are several, at which it was shown
    served_at: str = ""  # where it was served last


class Revocation(Evidence, frozen=True, kw_only=True):
    """Keys ended while a sibling lived on."""

    deaths: tuple[Death, ...]
    absent: tuple[str, ...]  # ways that the dialect says the gateway lacks

    def seen(self) -> int:
        """Polls made."""
        return sum(death.polls for death in self.deaths)


class Rotation(Evidence, frozen=True, kw_only=True):
    """A rotated key: whether the new secret differs and serves, and when the old one died."""

    absent: str = ""
    differs: bool = False
    new_serves: bool = False
    old: Death | None = None

    def seen(self) -> int:
        """1 once a rotation was made, or its absence was declared."""
        return int(self.old is not None or bool(self.absent))


class Crossing(Record, frozen=True, kw_only=True):
    """A key of one environment shown to another: how that answers it, its own keys, and an invented one."""

    key_of: str
    at: str
    own: str
    invented: str
    told: str


class EnvironmentSeparation(Evidence, frozen=True, kw_only=True):
    """Keys of two environments, each shown to the other."""

    crossings: tuple[Crossing, ...]

    def seen(self) -> int:
        """Keys shown to the other environment."""
        return len(self.crossings)


class Pattern(Record, frozen=True, kw_only=True):
    """Something that random secrets would not show, in words; at how many characters; and how rarely chance would."""

    what: str
    detail: str
    characters: int
    chance: float


class SecretSample(Evidence, frozen=True, kw_only=True):
    """What a sample of new keys says of how they are made. Bits are upper bounds: a sample can refute, never prove."""

    created: int
    in_order: int  # of these the order of creation is known
    lengths: tuple[int, ...]
    prefix: str  # common to all, up to its last separator: public by design
    varying: int  # characters that differ between keys and are of no public id and no known checksum
    alphabet: str
    capacity: float  # bits
    left: float  # bits, where the patterns are
    checksum: str  # which; empty: none that is known
    public: int  # characters that stand in public ids
    patterns: tuple[Pattern, ...]
    tried: int  # keys that were tried to be made again from the time of their creation and public values
    rule: str = ""  # a regular expression that all of them match, for secret scanners
    least_space: float  # bits: secrets drawn from fewer would have met with 95 %

    def seen(self) -> int:
        """Keys created."""
        return self.created


class ExistingKeys(Evidence, frozen=True, kw_only=True):
    """What the listing says of keys that no audit made."""

    total: int
    unlimited: int | None  # without a spending limit; None: limits are not told
    oldest_days: int | None  # None: times of creation are not told
    aged: int  # older than a year
    idle: int | None = None  # used, but not for a quarter of a year; None: uses are not told
    never: int | None = None  # never used at all; likewise
    environments: dict[str, int] = field(default_factory=dict)  # how many are of which, by their label

    def seen(self) -> int:
        """Keys."""
        return self.total
