"""Who may do what: admin credentials and their roles."""

import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from reference_gateway.admin.metrics import Metrics
from reference_gateway.config_file import Role
from reference_gateway.ledger.accounts import Accounts, Act
from reference_gateway.ledger.wire import LedgerDownError
from reference_gateway.web.asgi import Request
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.reading import bearer

ANYBODY: Final = frozenset(Role)
KEY_KEEPERS: Final = frozenset({Role.ADMIN, Role.KEYS})
OVERSEERS: Final = frozenset({Role.ADMIN, Role.VIEWER})
ADMINS: Final = frozenset({Role.ADMIN})

_BURST: Final = 10
_SECONDS_PER_LINE: Final = 60.0


@dataclass(frozen=True, slots=True)
class _Credential:
    name: str
    role: Role
    digest: bytes

    def __repr__(self) -> str:
        return f"<credential {self.name}>"


@dataclass(slots=True)
class _Allowance:
    """Lines of the audit log that one kind of refusal may fill: a burst, then one a minute."""

    _paid_until: float = 0.0  # on the clock's scale: when all lines so far will have been earned

    def take(self, now: float) -> bool:
        paid = max(self._paid_until, now)
        if paid - now > (_BURST - 1) * _SECONDS_PER_LINE:
            return False
        self._paid_until = paid + _SECONDS_PER_LINE
        return True


@dataclass(slots=True)
class _Notes:
    """Writes refusals into the audit log, but never so many that a flood of them fills or slows the disk.

    Each kind of refusal, and each credential whose role was too weak, has ten lines at once and then one a
    minute. Whatever is not written is counted all the same, in `gateway_admin_refusals_total`.
    """

    accounts: Accounts
    metrics: Metrics
    clock: Callable[[], float]
    _allowances: dict[tuple[Act, str], _Allowance] = field(default_factory=dict)

    async def refused(self, act: Act, by: str) -> None:
        self.metrics.refused(act)
        if self._allowances.setdefault((act, by), _Allowance()).take(self.clock()):
            # The refusal stands without its line; the ledger has said by an event that it failed.
            with suppress(LedgerDownError):
                await self.accounts.note(act, by)


class Access:
    """Knows each credential by its digest. A token is compared with all of them, whichever it matches."""

    def __init__(
        self,
        tokens: Sequence[tuple[str, Role, str]],
        accounts: Accounts,
        metrics: Metrics,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._credentials = tuple(
            _Credential(name, role, _digest(token.encode())) for name, role, token in tokens
        )
        self._notes = _Notes(accounts, metrics, clock)

    async def granted(self, request: Request, roles: Collection[Role]) -> str:
        """The name of the credential that asks, if its role is one of `roles`. Raises RefusalError.

        A credential that is none, or too weak, is noted; one that is missing is not.
        """
        credential = self._of(bearer(request))
        if credential is None:
            await self._notes.refused(Act.REFUSED_CREDENTIAL, "")
            raise RefusalError(Fault.BAD_KEY)
        if credential.role not in roles:
            await self._notes.refused(Act.REFUSED_ROLE, credential.name)
            raise RefusalError(Fault.WEAK_ROLE)
        return credential.name

    def _of(self, token: str) -> _Credential | None:
        presented = _digest(token.encode("latin-1"))
        found: _Credential | None = None
        for credential in self._credentials:
            if hmac.compare_digest(presented, credential.digest):
                found = credential
        return found


def _digest(token: bytes) -> bytes:
    """Tokens are random (`AdminToken.read` sees to that), so a plain digest hides them."""
    return hashlib.sha256(token).digest()
