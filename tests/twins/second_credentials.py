"""Twins of the second gateway that show their provider's key, or what opens the key interface."""

from collections.abc import Mapping
from functools import partial

from tests.hosts.second_gateway import SecondGateway
from tests.hosts.second_http import Call
from tests.twins import registry
from tests.twins.checks import CREDENTIALS

# What informs decides nothing by itself.
twin = partial(registry.twin, host="second", claims={"made": ["K1", "H2"]}, about=("K1", "H2"))


@twin("provider-key-in-refusals", fails={CREDENTIALS})
class ProviderKeyInRefusals(SecondGateway):
    """What helps to find a fault is sent along with it."""

    def security_headers(self, status: int) -> Mapping[str, str]:
        more = {"X-Upstream": f"key {self.config.upstream_key}"} if status >= 400 else {}
        return {**super().security_headers(status), **more}


@twin("master-key-is-logged", fails={CREDENTIALS})
class MasterKeyIsLogged(SecondGateway):
    """Who administered is written down by what was shown."""

    def require_master(self, call: Call) -> None:
        super().require_master(call)
        self.log({"level": "info", "msg": "administered", "by": call.bearer})
