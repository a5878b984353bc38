"""The key API: /api/v1/keys for the administrator, /api/v1/key for the holder of a key."""

import hashlib
import hmac
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from reference_gateway import credential
from reference_gateway.admin.shapes import KeyView, encode, read_create, read_patch
from reference_gateway.config import Bounds
from reference_gateway.events import Route
from reference_gateway.ledger.accounts import Account, Accounts, Issued
from reference_gateway.ledger.wire import Authorise, Ledger, LedgerDownError
from reference_gateway.web.asgi import Request
from reference_gateway.web.boundary import Endpoint, Handler
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet
from reference_gateway.web.reading import bearer, read_body, require_json

_KEYS: Final = "/api/v1/keys"
_OWN: Final = "/api/v1/key"
_PAGE: Final = 100
_MAX_BODY: Final = 16_384


class KeyApi:
    """Every answer but a creation's and a rotation's is without the key."""

    def __init__(self, token: str, accounts: Accounts, ledger: Ledger, view: KeyView, bounds: Bounds) -> None:
        self._token = hashlib.sha256(token.encode()).digest()
        self._accounts = accounts
        self._ledger = ledger
        self._view = view
        self._bounds = bounds

    def resolve(self, path: str) -> Endpoint | None:
        """The endpoint of a path; the key id in it is parsed by the handler."""
        if path == _OWN:
            return Endpoint(Route.OWN_KEY, {"GET": self._safe(self.own)})
        if path == _KEYS:
            return Endpoint(Route.KEYS, {"GET": self._admin(self.page), "POST": self._admin(self.create)})
        if not path.startswith(_KEYS + "/"):
            return None
        public_id, *rest = path[len(_KEYS) + 1 :].split("/")
        if rest == ["rotate"]:
            return Endpoint(Route.ROTATE, {"POST": self._admin(partial(self.rotate, public_id))})
        if rest:
            return None
        one = {"GET": self.get, "PATCH": self.patch, "DELETE": self.delete}
        return Endpoint(
            Route.KEY, {method: self._admin(partial(handler, public_id)) for method, handler in one.items()}
        )

    async def create(self, request: Request, outlet: Outlet) -> None:
        """201 with the key, this once."""
        issued = await self._accounts.create(read_create(await self._body(request)))
        await self._issued(201, issued, outlet)

    async def page(self, request: Request, outlet: Outlet) -> None:
        """A hundred keys from `offset` on, newest first."""
        accounts = await self._accounts.page(_offset(request.query), _PAGE)
        await outlet.whole(200, encode({"data": [self._view(account) for account in accounts]}))

    async def get(self, public_id: str, _request: Request, outlet: Outlet) -> None:
        """One key."""
        await self._shown(await self._accounts.get(_key_id(public_id)), outlet)

    async def patch(self, public_id: str, request: Request, outlet: Outlet) -> None:
        """Changes a key; disabling takes effect before the answer."""
        revise = read_patch(await self._body(request))
        await self._shown(await self._accounts.revise(_key_id(public_id), revise), outlet)

    async def delete(self, public_id: str, _request: Request, outlet: Outlet) -> None:
        """Ends a key before the answer."""
        if not await self._accounts.delete(_key_id(public_id)):
            raise RefusalError(Fault.NO_SUCH_KEY)
        await outlet.whole(200, encode({"deleted": True}))

    async def rotate(self, public_id: str, _request: Request, outlet: Outlet) -> None:
        """A new secret with the same limit and usage; the old one is dead before the answer."""
        issued = await self._accounts.rotate(_key_id(public_id))
        if issued is None:
            raise RefusalError(Fault.NO_SUCH_KEY)
        await self._issued(200, issued, outlet)

    async def own(self, request: Request, outlet: Outlet) -> None:
        """What a key may know of itself."""
        presented = credential.parse(bearer(request))
        if presented is None:
            raise RefusalError(Fault.BAD_KEY)
        standing = await self._ledger.authorise(Authorise(presented.key_id, presented.text))
        account = await self._accounts.get(standing.key_id) if standing is not None else None
        if account is None:
            raise RefusalError(Fault.BAD_KEY)
        await self._shown(account, outlet)

    def _admin(self, handler: Handler) -> Handler:
        async def guarded(request: Request, outlet: Outlet) -> None:
            presented = hashlib.sha256(bearer(request).encode("latin-1")).digest()
            if not hmac.compare_digest(presented, self._token):
                raise RefusalError(Fault.BAD_KEY)
            await self._safe(handler)(request, outlet)

        return guarded

    def _safe(self, handler: Handler) -> Handler:
        async def answering(request: Request, outlet: Outlet) -> None:
            try:
                await handler(request, outlet)
            except LedgerDownError:
                raise RefusalError(Fault.LEDGER_DOWN) from None

        return answering

    async def _body(self, request: Request) -> bytes:
        require_json(request)
        return await read_body(request, _MAX_BODY, self._bounds.body_seconds)

    async def _shown(self, account: Account | None, outlet: Outlet) -> None:
        if account is None:
            raise RefusalError(Fault.NO_SUCH_KEY)
        await outlet.whole(200, encode({"data": self._view(account)}))

    async def _issued(self, status: int, issued: Issued, outlet: Outlet) -> None:
        answer: dict[str, Any] = {"data": self._view(issued.account), "key": issued.key}
        await outlet.whole(status, encode(answer))


def _key_id(public_id: str) -> int:
    key_id = credential.parse_public_id(public_id)
    if key_id is None:
        raise RefusalError(Fault.NO_SUCH_KEY)
    return key_id


def _offset(query: bytes) -> int:
    values = parse_qs(query.decode("latin-1"), max_num_fields=10).get("offset", ["0"])
    text = values[-1]
    if len(values) != 1 or not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise RefusalError(Fault.BAD_VALUE, param="offset")
    return int(text)
