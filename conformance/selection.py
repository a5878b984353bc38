"""Which checks an audit judges: by id glob, claim, level or severity; and which claims its gate requires."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

import msgspec

from conformance.catalogue import Check


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """A choice of checks; an empty tuple means no restriction of that kind."""

    checks_like: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    require: tuple[str, ...] = ()

    def checks(self, every: Iterable[Check]) -> tuple[Check, ...]:
        """The checks that are chosen, in the order given."""
        return tuple(check for check in every if self._takes(check))

    def _takes(self, check: Check) -> bool:
        return (
            (not self.checks_like or any(fnmatchcase(check.id, like) for like in self.checks_like))
            and (not self.claims or check.claim in self.claims)
            and (not self.levels or check.level.value in self.levels)
            and (not self.severities or check.severity.value in self.severities)
        )

    def text(self) -> str:
        """The selection as it stands in the run record."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> "Selection":
        """The selection that a run record holds."""
        return msgspec.json.decode(text, type=cls)
