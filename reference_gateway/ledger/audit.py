"""The chain of the audit log: whoever has a line's link can tell whether anything before it was changed.

A chain does not show that lines at its end are missing; for that, the latest link must be kept elsewhere.
"""

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

from reference_gateway.ledger.accounts import AuditEntry

GENESIS: Final = bytes(32)  # stands for the link before the first line
_FIELDS: Final = struct.Struct(">qqqq")


def link(before: bytes, *, number: int, at: int, actor: str, act: int, subject: int) -> bytes:
    """SHA-256(link before ‖ number ‖ at ‖ act ‖ subject ‖ actor): 64-bit big-endian integers, then UTF-8."""
    return hashlib.sha256(before + _FIELDS.pack(number, at, act, subject) + actor.encode()).digest()


def first_broken(entries: Iterable[AuditEntry], before: bytes = GENESIS, after: int = 0) -> int | None:
    """The number at which the chain breaks; None when every line follows from the one before it.

    `before` and `after` are link and number of the line before the first of `entries`.
    """
    for expected, entry in enumerate(entries, after + 1):
        before = link(
            before,
            number=expected,
            at=entry.at,
            actor=entry.actor,
            act=entry.act,
            subject=entry.subject,
        )
        if (entry.number, entry.link) != (expected, before):
            return expected
    return None
