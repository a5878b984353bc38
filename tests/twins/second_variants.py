"""Odd but conformant variants of the second gateway: whatever is no promise may be otherwise."""

import base64
import hashlib
import hmac
import os
import secrets
import string
from collections.abc import Mapping
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Call
from tests.hosts.second_store import Account
from tests.twins import registry

variant = partial(registry.variant, host="second")

# Limits that hang on users: each key of the audit gets a user of its own.
ON_USERS = """
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


@variant("limits-on-users", about=("K3", "S1", "S2"), dialect=ON_USERS)
class LimitsOnUsers(SecondGateway):
    """Keys without limits of their own: what they may spend hangs on their users."""


@variant("dollars", about=("S1", "S2"), config={"per_usd": 1}, dialect='use = "litellm"')
class Dollars(SecondGateway):
    """Money in dollars."""


@variant("usage-a-second-late", about=("S1", "S2"), config={"usage_lag": 1.0}, claims={"usage_lag": 4})
class UsageASecondLate(SecondGateway):
    """Usage is shown late, as the target declares; the limit itself waits for nobody."""


@variant("no-clear-text-port", about=("T2",), config={"cleartext_port": None})
class NoClearTextPort(SecondGateway):
    """Nobody listens without TLS."""


@variant("admin-elsewhere", about=("T1", "K3"), config={"admin_port": 0})
class AdminElsewhere(SecondGateway):
    """Keys are managed on a listener of their own, which serves nothing else."""


@variant("sha256-in-hexadecimal", about=("K2",))
class Sha256InHexadecimal(SecondGateway):
    """`salt:digest` in hexadecimal, in a JSON file."""

    def stored_form(self, secret: str) -> str:
        return self._form(os.urandom(16), secret)

    def verify(self, secret: str, stored: str) -> bool:
        return hmac.compare_digest(self._form(bytes.fromhex(stored.partition(":")[0]), secret), stored)

    def _form(self, salt: bytes, secret: str) -> str:
        return f"{salt.hex()}:{hashlib.sha256(salt + secret.encode()).hexdigest()}"


@variant("scrypt", about=("K2",))
class Scrypt(SecondGateway):
    """Keys stored as scrypt with a salt of their own, in the form that passlib writes."""

    def stored_form(self, secret: str) -> str:
        salt = os.urandom(16)
        digest = hashlib.scrypt(secret.encode(), salt=salt, n=1024, r=8, p=1, dklen=32)
        return f"$scrypt$ln=10,r=8,p=1${_b64(salt)}${_b64(digest)}"

    def verify(self, secret: str, stored: str) -> bool:
        salt, digest = (base64.b64decode(part + "==") for part in stored.split("$")[3:])
        fresh = hashlib.scrypt(secret.encode(), salt=salt, n=1024, r=8, p=1, dklen=32)
        return hmac.compare_digest(fresh, digest)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


@variant("hsts-spelt-oddly", about=("T3",))
class HstsSpeltOddly(SecondGateway):
    """RFC 6797 allows quotes, any case, blanks and directives that nobody knows."""

    def security_headers(self, status: int) -> Mapping[str, str]:
        odd = 'MAX-AGE="31536000" ; includeSubDomains ; x-future=1'
        return {**super().security_headers(status), "Strict-Transport-Security": odd}


@variant("noisy-log", about=("Z1",))
class NoisyLog(SecondGateway):
    """A log full of random ids in the alphabet of canaries, and of base64, but without content."""

    def on_prompt(self, call: Call) -> None:
        letters = string.ascii_uppercase + string.digits
        ids = ",".join("".join(secrets.choice(letters) for _ in range(27)) for _ in range(20))
        self.log({"trace": ids, "blob": base64.b64encode(secrets.token_bytes(300)).decode()})


_STEP = 10**7  # picodollars: a thousandth of a cent


@variant(
    "usage-in-thousandths-of-a-cent", about=("S1", "S2"), claims={"usage_unit": "0.00001", "usage_lag": 2}
)
class UsageInThousandthsOfACent(SecondGateway):
    """Usage is shown rounded down, and the target declares by how much."""

    def usage_of(self, account: Account) -> int:
        return super().usage_of(account) // _STEP * _STEP
