"""A request of somebody who may make it, as the admin plane's handlers see it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from reference_gateway import credential
from reference_gateway.web.asgi import Request
from reference_gateway.web.faults import Fault, RefusalError
from reference_gateway.web.outlet import Outlet
from reference_gateway.web.reading import read_body, require_json

PAGE: Final = 100  # entries of a list
MAX_BODY: Final = 65_536  # bytes
OFFSET_DIGITS: Final = 9
LINE_DIGITS: Final = 18  # as many as 64 bits hold in any case


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`by` names the credential, `public_id` stands in the path where its template has an id."""

    request: Request
    by: str
    public_id: str

    def subject(self, missing: Fault) -> int:
        """The id in the path. Raises RefusalError where it cannot be one."""
        number = credential.parse_public_id(self.public_id)
        if number is None:
            raise RefusalError(missing)
        return number

    async def body(self, seconds: float) -> bytes:
        """The whole body, which is JSON by its type. Raises RefusalError."""
        require_json(self.request)
        return await read_body(self.request, MAX_BODY, seconds)

    def number(self, name: str, digits: int) -> int:
        """A parameter of the query, 0 where it is absent; others are ignored. Raises RefusalError."""
        query = parse_qs(self.request.query.decode("latin-1"), keep_blank_values=True)
        text, *more = query.get(name, ["0"])
        if more or not (text.isascii() and text.isdecimal()) or len(text) > digits:
            raise RefusalError(Fault.BAD_VALUE, param=name)
        return int(text)


CallHandler = Callable[[Call, Outlet], Awaitable[None]]
