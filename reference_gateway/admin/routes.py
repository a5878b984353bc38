"""The admin plane's routes: keys, accounts, the audit log, metrics, and what describes them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from reference_gateway.admin import access
from reference_gateway.admin.access import Access
from reference_gateway.admin.accounts import AccountActs
from reference_gateway.admin.audit import AuditLog
from reference_gateway.admin.call import Call, CallHandler
from reference_gateway.admin.description import admin_description
from reference_gateway.admin.fields import encoded
from reference_gateway.admin.keys import KeyActs
from reference_gateway.admin.metrics import CONTENT_TYPE, Metrics
from reference_gateway.admin.shapes import KeyView
from reference_gateway.config import Config
from reference_gateway.config_file import Role
from reference_gateway.events import Route
from reference_gateway.ledger.accounts import Accounts
from reference_gateway.ledger.wire import LedgerDownError
from reference_gateway.web.asgi import Request
from reference_gateway.web.boundary import Endpoint, Handler
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet

HEALTH: Final = "/health"
_ID_AT: Final = 4  # the segment of a path that is an id: /api/v1/keys/ID and below

_Table = Mapping[str, tuple[Route, Mapping[str, tuple[Collection[Role], CallHandler]]]]


class AdminApi:
    """For holders of an admin credential. `tokens` are name, role and token of each; none of them is kept."""

    def __init__(
        self,
        tokens: Sequence[tuple[str, Role, str]],
        accounts: Accounts,
        key_view: KeyView,
        config: Config,
        metrics: Metrics,
    ) -> None:
        self._access = Access(tokens, accounts, metrics)
        self._accounts = accounts
        self._metrics = metrics
        self._description = admin_description(config)
        offered = frozenset(model.name for model in config.models)
        body_seconds = config.bounds.body_seconds
        self._table = self._routes(
            KeyActs(accounts, key_view, offered, body_seconds), AccountActs(accounts, body_seconds)
        )

    def resolve(self, path: str) -> Endpoint | None:
        """The endpoint of a path; the id in it is parsed by the handler."""
        if path == HEALTH:
            return Endpoint(Route.HEALTH, {"GET": self.health})
        segments, public_id = path.split("/"), ""
        if len(segments) > _ID_AT:
            public_id, segments[_ID_AT] = segments[_ID_AT], "{id}"
        found = self._table.get("/".join(segments))
        if found is None:
            return None
        route, methods = found
        return Endpoint(
            route,
            {
                method: self._guarded(roles, handler, public_id)
                for method, (roles, handler) in methods.items()
            },
        )

    @property
    def templates(self) -> tuple[str, ...]:
        """Every path that there is, `{id}` standing for an id."""
        return (HEALTH, *self._table)

    def _routes(self, keys: KeyActs, accounts: AccountActs) -> _Table:
        anybody, overseers = access.ANYBODY, access.OVERSEERS
        keepers, admins = access.KEY_KEEPERS, access.ADMINS
        return {
            "/api/v1/keys": (Route.KEYS, {"GET": (anybody, keys.page), "POST": (keepers, keys.create)}),
            "/api/v1/keys/{id}": (
                Route.KEY,
                {
                    "GET": (anybody, keys.get),
                    "PATCH": (keepers, keys.change),
                    "DELETE": (keepers, keys.delete),
                },
            ),
            "/api/v1/keys/{id}/rotate": (Route.ROTATE, {"POST": (keepers, keys.rotate)}),
            "/api/v1/accounts": (
                Route.ACCOUNTS,
                {"GET": (overseers, accounts.page), "POST": (admins, accounts.create)},
            ),
            "/api/v1/accounts/{id}": (
                Route.ACCOUNT,
                {"GET": (overseers, accounts.get), "PATCH": (admins, accounts.change)},
            ),
            "/api/v1/audit": (Route.AUDIT, {"GET": (overseers, AuditLog(self._accounts).page)}),
            "/metrics": (Route.METRICS, {"GET": (anybody, self.metrics)}),
            "/openapi.json": (Route.DESCRIPTION, {"GET": (anybody, self.description)}),
        }

    async def health(self, _request: Request, outlet: Outlet) -> None:
        """Whether the ledger can be read; for everybody."""
        try:
            await self._accounts.audit(0, 0)
        except LedgerDownError:
            await outlet.whole(503, encoded({"status": "no ledger"}))
        else:
            await outlet.whole(200, encoded({"status": "ok"}))

    async def metrics(self, _call: Call, outlet: Outlet) -> None:
        """See `Metrics`."""
        await outlet.whole(200, self._metrics.text(), [(b"content-type", CONTENT_TYPE)])

    async def description(self, _call: Call, outlet: Outlet) -> None:
        """OpenAPI 3.1. It names the models on offer, so it is not for everybody."""
        await outlet.whole(200, self._description)

    def _guarded(self, roles: Collection[Role], handler: CallHandler, public_id: str) -> Handler:
        async def guarded(request: Request, outlet: Outlet) -> None:
            by = await self._access.granted(request, roles)
            try:
                await handler(Call(request=request, by=by, public_id=public_id), outlet)
            except LedgerDownError:
                raise RefusalError(Fault.LEDGER_DOWN) from None

        return guarded
