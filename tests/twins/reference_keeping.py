"""The reference gateway that keeps content in each of the ways and shows it on each of the pages."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from reference_gateway.config import Config
from reference_gateway.content.upstream import Dialer, HeaderRule, Upstream
from reference_gateway.parts import Change, Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import Exchange, Hearing, overheard, served
from tests.twins.keeping.entering import enter
from tests.twins.keeping.pages import Page
from tests.twins.keeping.way import Begin, Tell
from tests.twins.places import ABOUT


def _keeping(begin: Begin) -> Change:
    """Every exchange is told to what begins beside the ledger."""
    return partial(_told, begin=begin)


def _told(parts: Parts, *, begin: Begin) -> Parts:
    tells: list[Tell] = []

    def context(config: Config) -> ssl.SSLContext:
        if not tells:
            tells.append(begin(config.ledger_path.parent))
        return parts.tls_context(config)

    def tell(exchange: Exchange) -> None:
        tells[0](exchange)

    return replace(parts, tls_context=context, upstream=_hearing(parts), app=overheard(tell, first=True))


def _hearing(parts: Parts) -> Callable[[Config, HeaderRule, Dialer], Upstream]:
    """The way to providers, on which what they say is written down."""
    return lambda config, rule, dialer: Hearing(parts.upstream(config, rule, dialer))


def _showing(page: Page) -> Change:
    """A path that anybody may ask for."""
    return partial(_shown, page=page)


def _shown(parts: Parts, *, page: Page) -> Parts:
    def around(app: App) -> App:
        heard = overheard(page.tell)(app)

        async def beside(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["path"] != page.path:
                await heard(scope, receive, send)
                return
            headers = [(name.encode(), value.encode()) for name, value in parts.response_headers]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": page.body()})

        return beside

    return replace(parts, app=around)


@registry.variant("passes-on-what-providers-say", host="reference", about=ABOUT)
def passes_on_what_providers_say(parts: Parts) -> Parts:
    """A provider's refusal, in which the prompt may be repeated, goes to the caller word for word and nowhere else."""

    def around(app: App) -> App:
        async def passing(scope: Scope, receive: Receive, send: Send) -> None:
            words = b""

            async def sent(message: Message) -> None:
                nonlocal words
                exchange = served()
                if message["type"] == "http.response.start":
                    refused = exchange is not None and exchange.provider_status >= 400
                    words = exchange.provider_answer if exchange is not None and refused else b""
                    if words:
                        others = [(k, v) for k, v in message["headers"] if k != b"content-length"]
                        message["headers"] = [*others, (b"content-length", b"%d" % len(words))]
                elif words:
                    message = {"type": message["type"], "body": words}
                await send(message)

            await app(scope, receive, sent)

        return passing

    def heard(app: App) -> App:
        return overheard(lambda _exchange: None)(around(app))

    return replace(parts, upstream=_hearing(parts), app=heard)


enter("reference", _keeping, _showing, state="")
