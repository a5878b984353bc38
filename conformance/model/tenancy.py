"""What was seen of an ordinary key that tried what only an administrator may, and of secrets that everybody knows."""

from typing import Literal

from conformance.model.evidence import Evidence, Record


class Act(Record, frozen=True, kw_only=True):
    """One operation of the key API with a credential that is not its owner's.

    `names`: the answer names a key that is not the caller's; `told` is a status or what happened instead; `changes`: success
    would have changed or ended what is not the caller's.
    """

    operation: str
    about: Literal["all", "itself", "another"]
    told: str
    allowed: bool
    names: bool = False
    changes: bool = False
    decided: bool = True  # False: overload, breakdown or no answer


class Tenancy(Evidence, frozen=True, kw_only=True):
    """An ordinary key in the place of the admin credential."""

    acts: tuple[Act, ...]
    unanswered: int
    admin_before: bool  # the administrator could read the other key, or list it, before
    admin_after: bool
    other_serves: bool | None  # the other key is still served; None: it could not be asked
    limit_kept: bool | None  # its limit and the caller's own are as they were
    ids: int = 0  # public ids of keys that were compared
    guessable: str = ""  # why they could be guessed; empty: nothing says so

    def seen(self) -> int:
        """Operations that were answered."""
        return len(self.acts) - self.unanswered


class AccountSeparation(Tenancy, frozen=True, kw_only=True):
    """The administrator of another account on a key of the first one's. `admitted`: to what is its own it has access.

    `moved`: a key of its own came to be among the first one's when it named that as the owner; None: owners are not told.
    """

    admitted: bool
    moved: bool | None = None


class ObjectAct(Record, frozen=True, kw_only=True):
    """Something that one caller's calls made, asked for by somebody else. `path` has `{id}` where the object's id stood."""

    who: Literal["another key", "another account's key", "nobody"]
    method: str
    path: str
    told: str
    allowed: bool  # answered as to its owner: the object was shown, or what was asked for was done
    decided: bool = True


class ObjectSeparation(Evidence, frozen=True, kw_only=True):
    """What a caller's calls made, its owner's looks at it, and those of others."""

    made: tuple[str, ...]  # the calls that made something, by path
    ids: int  # public ids that were told of it
    asked: int  # looks by the owner itself
    readable: int  # of those, the ones that were answered with what it is about
    acts: tuple[ObjectAct, ...]
    lost: tuple[str, ...]  # what its owner could not read any more when others had asked, by path

    def seen(self) -> int:
        """Looks by the owner."""
        return self.asked


class Assigned(Record, frozen=True, kw_only=True):
    """A field that is the gateway's to keep, sent along with an ordinary change of a key.

    `took`: it is read back as it was sent, and was another before; `described`: the target's OpenAPI document offers it.
    """

    how: Literal["create", "change", "own"]
    field: str
    told: str
    took: bool
    described: bool = False
    decided: bool = True


class Assignment(Evidence, frozen=True, kw_only=True):
    """Fields that nobody should be able to write."""

    changed: bool  # control: an ordinary change is read back
    fields: tuple[Assigned, ...]
    administers: bool | None  # a key that was to become an administrator is one; None: it could not be asked

    def seen(self) -> int:
        """Fields sent."""
        return len(self.fields)


class Guess(Record, frozen=True, kw_only=True):
    """A well-known secret shown as admin credential: its place in the list, and what was answered."""

    number: int
    told: str
    admitted: bool
    decided: bool = True  # False: overload, breakdown or no answer


class DefaultSecrets(Evidence, frozen=True, kw_only=True):
    """Well-known admin secrets tried where the true one was admitted."""

    guesses: tuple[Guess, ...]
    asked: str  # path
    before: bool  # the true one was admitted
    after: bool
    open: bool  # so was none at all

    def seen(self) -> int:
        """Guesses that were answered."""
        return sum(guess.decided for guess in self.guesses)
