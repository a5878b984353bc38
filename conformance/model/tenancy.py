"""What was seen of an ordinary key that tried what only an administrator may, and of secrets that everybody knows."""

from typing import Literal

from conformance.model.evidence import Evidence, Record


class Act(Record, frozen=True, kw_only=True):
    """One operation of the key API with an ordinary key as credential.

    `names`: the answer names a key that is not the caller's; `told` is a status or what happened instead.
    """

    operation: str
    about: Literal["all", "itself", "another"]
    told: str
    allowed: bool
    names: bool = False
    decided: bool = True  # False: overload, breakdown or no answer


class Tenancy(Evidence, frozen=True, kw_only=True):
    """An ordinary key in the place of the admin credential."""

    acts: tuple[Act, ...]
    unanswered: int
    admin_before: bool  # the administrator could read the other key, or list it, before
    admin_after: bool
    other_serves: bool | None  # the other key is still served; None: it could not be asked
    limit_kept: bool | None  # its limit and the caller's own are as they were

    def seen(self) -> int:
        """Operations that were answered."""
        return len(self.acts) - self.unanswered


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
