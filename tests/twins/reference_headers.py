"""Twins of the reference gateway with other header fields than are promised: HSTS is missing, too short or ambiguous."""

from dataclasses import replace
from functools import partial

from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.checks import LONG_ENOUGH, ON_EVERY_ANSWER

twin = partial(registry.twin, host="reference")


def _hsts(parts: Parts, *values: str) -> Parts:
    others = tuple(header for header in parts.response_headers if header[0] != "strict-transport-security")
    fields = tuple(("strict-transport-security", value) for value in values)
    return replace(parts, response_headers=fields + others)


@twin("hsts-missing", fails={ON_EVERY_ANSWER})
def hsts_missing(parts: Parts) -> Parts:
    """No HSTS anywhere."""
    return _hsts(parts)


@twin("hsts-missing-on-errors", fails={ON_EVERY_ANSWER})
def hsts_missing_on_errors(parts: Parts) -> Parts:
    """HSTS set by the application, and only where all went well."""

    def around(app: App) -> App:
        async def adding(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message.get("status", 500) < 400:
                    field = (b"strict-transport-security", b"max-age=63072000")
                    message["headers"] = [*message["headers"], field]
                await send(message)

            await app(scope, receive, sent)

        return adding

    return replace(_hsts(parts), app=around, admin_app=around)


@twin("hsts-max-age-zero", fails={ON_EVERY_ANSWER, LONG_ENOUGH})
def hsts_max_age_zero(parts: Parts) -> Parts:
    """HSTS that tells browsers to forget the host."""
    return _hsts(parts, "max-age=0")


@twin("hsts-too-short", fails={LONG_ENOUGH})
def hsts_too_short(parts: Parts) -> Parts:
    """HSTS for a day where a year is promised."""
    return _hsts(parts, "max-age=86400; includeSubDomains")


@twin("hsts-twice", fails={ON_EVERY_ANSWER})
def hsts_twice(parts: Parts) -> Parts:
    """HSTS from the application and from the proxy before it."""
    return _hsts(parts, "max-age=63072000", "max-age=31536000")
