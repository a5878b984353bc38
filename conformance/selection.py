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

    def gate(self, declared: Iterable[str], every: Iterable[Check]) -> tuple[str, ...]:
        """The claims that the gate requires: as asked for, else those the target file requires that were not left out."""
        touched = {check.claim for check in self.checks(every)}
        narrowed = bool(self.checks_like or self.claims or self.levels or self.severities)
        return self.require or tuple(claim for claim in declared if not narrowed or claim in touched)

    def describe(self) -> str:
        """The selection in words."""
        parts = [
            f"{what} {', '.join(values)}"
            for what, values in (
                ("checks like", self.checks_like),
                ("claims", self.claims),
                ("level", self.levels),
                ("severity", self.severities),
            )
            if values
        ]
        return "; ".join(parts) or "every check"

    def text(self) -> str:
        """The selection as it stands in the run record."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def parse(cls, text: str) -> "Selection":
        """The selection that a run record holds."""
        return msgspec.json.decode(text, type=cls)
