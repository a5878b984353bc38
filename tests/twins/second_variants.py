"""Odd but conformant variants of the second gateway: whatever is no promise may be otherwise."""

import hashlib
import hmac
import os
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.twins import registry

variant = partial(registry.variant, host="second")

# Limits that hang on users: each key of the audit gets a user of its own.
_ON_USERS = """
[dialect.own]
name = "cents on users"
per_usd = 100
limit_owner = "user"
[[dialect.own.create.calls]]
method = "POST"
path = "/user/new"
body = { user_id = "{name}", max_budget = "{limit}" }
capture = { user = "/user_id" }
[[dialect.own.create.calls]]
method = "POST"
path = "/key/generate"
body = { user_id = "{user}", key_alias = "{name}" }
capture = { secret = "/key", id = "/token" }
[[dialect.own.read.calls]]
method = "GET"
path = "/user/info?user_id={user}"
capture = { limit = "/user_info/max_budget", usage = "/user_info/spend" }
[dialect.own.set_limit]
calls = [{ method = "POST", path = "/user/update", body = { user_id = "{user}", max_budget = "{limit}" } }]
[dialect.own.disable]
calls = [{ method = "POST", path = "/key/block", body = { key = "{id}" } }]
[dialect.own.revoke]
calls = [{ method = "POST", path = "/key/delete", body = { keys = ["{id}"] } }]
[dialect.own.listing]
items = "/keys"
id = "/token"
name = "/key_alias"
style = "page"
call = { method = "GET", path = "/key/list?return_full_object=true&page={page}&size={size}" }
[dialect.own.absent]
rotate = "a new key is made and the old one deleted"
"""


@variant("as-it-is")
class AsItIs(SecondGateway):
    """PBKDF2, cents, 403, usage that shows late, a clear-text port that redirects."""


@variant("limits-on-users", dialect=_ON_USERS)
class LimitsOnUsers(SecondGateway):
    """Keys without limits of their own: what they may spend hangs on their users."""


@variant("dollars", config={"per_usd": 1}, dialect='use = "litellm"')
class Dollars(SecondGateway):
    """Money in dollars."""


@variant("usage-a-second-late", config={"usage_lag": 1.0}, claims={"usage_lag": 4})
class UsageASecondLate(SecondGateway):
    """Usage is shown late, as the target declares; the limit itself waits for nobody."""


@variant("no-clear-text-port", config={"cleartext_port": None})
class NoClearTextPort(SecondGateway):
    """Nobody listens without TLS."""


@variant("sha256-in-hexadecimal")
class Sha256InHexadecimal(SecondGateway):
    """`salt:digest` in hexadecimal, in a JSON file."""

    def stored_form(self, secret: str) -> str:
        return self._form(os.urandom(16), secret)

    def verify(self, secret: str, stored: str) -> bool:
        return hmac.compare_digest(self._form(bytes.fromhex(stored.partition(":")[0]), secret), stored)

    def _form(self, salt: bytes, secret: str) -> str:
        return f"{salt.hex()}:{hashlib.sha256(salt + secret.encode()).hexdigest()}"
