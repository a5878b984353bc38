"""The audit log as a stranger can check it.

Each line's `link` is SHA-256 over the link before it (32 zero bytes before line 1), four 64-bit big-endian
integers (`number`, `at`, `code`, the subject) and the UTF-8 of `actor`. The subject's integer is what its
base62 digits (0-9, A-Z, a-z) spell, 0 for null:

    def number_of(subject):
        number = 0
        for digit in subject or "":
            number = number * 62 + (string.digits + string.ascii_uppercase + string.ascii_lowercase).index(digit)
        return number

    link = bytes(32)
    for line in lines:  # all of them, from line 1 on
        integers = struct.pack(">qqqq", line["number"], line["at"], line["code"], number_of(line["subject"]))
        link = hashlib.sha256(link + integers + line["actor"].encode()).digest()
        assert link.hex() == line["link"]

A chain does not show that lines at its end are missing: for that, keep the latest number and link elsewhere.
"""

from typing import Any

from reference_gateway import credential
from reference_gateway.admin.call import LINE_DIGITS, PAGE, Call
from reference_gateway.admin.fields import encoded
from reference_gateway.ledger.accounts import Accounts, AuditEntry
from reference_gateway.web.outlet import Outlet


class AuditLog:
    """Shows the audit log, and cannot change it."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def page(self, call: Call, outlet: Outlet) -> None:
        """A hundred lines with numbers above `after`, oldest first."""
        entries = await self._accounts.audit(call.number("after", LINE_DIGITS), PAGE)
        await outlet.whole(200, encoded({"data": [_line(entry) for entry in entries]}))


def _line(entry: AuditEntry) -> dict[str, Any]:
    return {
        "number": entry.number,
        "at": entry.at,
        "actor": entry.actor,
        "act": entry.act.name.lower(),
        "code": int(entry.act),
        "subject": credential.public_id(entry.subject) if entry.subject else None,
        "link": entry.link.hex(),
    }
