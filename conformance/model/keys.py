"""What was seen of keys: where a secret shows after its creation, and how long a revoked one lives. No secret is in here."""

from typing import Literal

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


class Death(Record, frozen=True, kw_only=True):
    """One key's end. Times are milliseconds after the command that ended it was answered."""

    how: Literal["revoke", "disable", "rotate"]
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
