"""Twins of the reference gateway on which others than the administrator manage keys."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reference_gateway.config import Config
from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Receive, Scope, Send
from tests.twins import registry
from tests.twins.checks import ADMINISTER, DEFAULTS

twin = partial(registry.twin, host="reference")


_H1 = {"made": ["H1"]}


def admitting(parts: Parts, admits: Callable[[Scope, str], bool]) -> Parts:
    """Some requests to the key API count as the administrator's, whatever their credential."""
    tokens: list[bytes] = []

    def context(config: Config) -> ssl.SSLContext:
        tokens.append((config.ledger_path.parent / "admin.token").read_bytes().strip())
        return parts.tls_context(config)

    def around(app: App) -> App:
        async def admitting(scope: Scope, receive: Receive, send: Send) -> None:
            given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1").rpartition(" ")[2]
            if admits(scope, given):
                fields = [field for field in scope["headers"] if field[0] != b"authorization"]
                scope = {**scope, "headers": [*fields, (b"authorization", b"Bearer " + tokens[0])]}
            await app(scope, receive, send)

        return admitting

    return replace(parts, tls_context=context, admin_app=around)


@twin("any-key-administers", fails={ADMINISTER}, claims=_H1)
def any_key_administers(parts: Parts) -> Parts:
    """Whoever has a key is somebody, and somebody is enough."""
    return admitting(parts, lambda _scope, given: given.startswith("rgw_"))


@twin("any-key-changes-limits", fails={ADMINISTER}, claims=_H1)
def any_key_changes_limits(parts: Parts) -> Parts:
    """The role is asked for where keys are read, made and ended."""
    return admitting(parts, lambda scope, given: scope["method"] == "PATCH" and given.startswith("rgw_"))


@twin("example-secret-administers", fails={DEFAULTS}, claims=_H1)
def example_secret_administers(parts: Parts) -> Parts:
    """The secret of the quick start works beside the true one."""
    return admitting(parts, lambda _scope, given: given == "sk-1234")
