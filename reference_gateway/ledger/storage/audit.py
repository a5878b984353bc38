"""The rows of the audit log. The schema's triggers keep them from being changed or taken out."""

from reference_gateway.ledger.accounts import Act, AuditEntry
from reference_gateway.ledger.audit import GENESIS, link
from reference_gateway.ledger.storage.database import Database


class AuditLog(Database):
    """Lines are added, and never anything else."""

    def note(self, at: int, actor: str, act: Act, subject: int) -> None:
        """See `Storage`."""
        last = self._one("SELECT number, link FROM audit_log ORDER BY number DESC LIMIT 1", ())
        number, before = (last["number"] + 1, last["link"]) if last is not None else (1, GENESIS)
        chained = link(before, number=number, at=at, actor=actor, act=act, subject=subject)
        self._db.execute(
            "INSERT INTO audit_log VALUES (?, ?, ?, ?, ?, ?)", (number, at, actor, act, subject, chained)
        )

    def audit(self, after: int, size: int) -> tuple[AuditEntry, ...]:
        """See `Storage`."""
        rows = self._all("SELECT * FROM audit_log WHERE number > ? ORDER BY number LIMIT ?", (after, size))
        return tuple(
            AuditEntry(
                number=row["number"],
                at=row["at"],
                actor=row["actor"],
                act=Act(row["act"]),
                subject=row["subject"],
                link=row["link"],
            )
            for row in rows
        )
