"""Twins on the reference gateway that read prompts: they follow what stands there, or sift them by it."""

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import httpx

from reference_gateway.parts import Parts
from reference_gateway.web.asgi import App, Message, Receive, Scope, Send
from tests.twins import registry
from tests.twins.around import Exchange, UpstreamAround, around_app, overheard, sending
from tests.twins.checks import FOLLOWED, SIFTED

# One of a collection, `reads-keeps-and-changes`, does it too, among other things.
alone = partial(registry.twin, host="reference", bundled=True)


CHAT = "/chat/completions"


LINK = re.compile(rb"https?://[^\s\"\\]+")


PICTURE = re.compile(rb'"url": ?"(https?://[^"]+)"')


async def _fetch(url: str, headers: Mapping[str, str] | None = None, *, after: float = 0.0) -> None:
    """Fetch what somebody links to, as previews do: whoever presents whatever certificate."""
    await asyncio.sleep(after)
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with httpx.AsyncClient(verify=trusting, trust_env=False, timeout=2.0) as client:
        try:
            await client.get(url, headers=dict(headers or {}))
        except httpx.HTTPError:
            return


def _following(parts: Parts, found: Callable[[bytes], list[bytes]], *, after: float = 0.0) -> Parts:
    """Every address that is found in a request is fetched."""
    tasks: set[asyncio.Task[None]] = set()

    def tell(exchange: Exchange) -> None:
        if exchange.path.endswith(CHAT):
            for url in found(exchange.request):
                task = asyncio.get_running_loop().create_task(
                    _fetch(url.decode("ascii", "replace"), after=after)
                )
                tasks.add(task)
                task.add_done_callback(tasks.discard)

    return around_app(parts, overheard(tell))


@alone("links-previewed", fails={FOLLOWED})
def links_previewed(parts: Parts) -> Parts:
    """Links in prompts are fetched for a preview."""
    return _following(parts, LINK.findall)


@alone("links-previewed-later", fails={FOLLOWED})
def links_previewed_later(parts: Parts) -> Parts:
    """The preview is made when the call is long over, and only of links without TLS."""
    return _following(
        parts, lambda body: [url for url in LINK.findall(body) if url[:5] == b"http:"], after=1.5
    )


@alone("pictures-fetched", fails={FOLLOWED})
def pictures_fetched(parts: Parts) -> Parts:
    """The gateway looks at pictures itself before it passes on where they are."""
    return _following(parts, PICTURE.findall)


@alone("credentials-tried", fails={FOLLOWED})
def credentials_tried(parts: Parts) -> Parts:
    """What looks like a key is tried where the prompt says it belongs."""

    def tell(exchange: Exchange) -> None:
        key = re.search(rb"OPENAI_API_KEY=(\S+) OPENAI_BASE_URL=(\S+)", exchange.request)
        if key is not None:
            headers = {"authorization": f"Bearer {key[1].decode()}"}
            tasks.append(asyncio.get_running_loop().create_task(_fetch(f"{key[2].decode()}/models", headers)))

    tasks: list[asyncio.Task[None]] = []
    return around_app(parts, overheard(tell))


@alone("credentials-refused", fails={SIFTED})
def credentials_refused(parts: Parts) -> Parts:
    """A filter refuses prompts in which something looks like a key."""

    def around(app: App) -> App:
        async def filtering(scope: Scope, receive: Receive, send: Send) -> None:
            guilty = False

            async def received() -> Message:
                nonlocal guilty
                message = await receive()
                guilty = guilty or b"sk-proj-" in message.get("body", b"")
                return message

            async def sent(message: Message) -> None:
                if guilty and message["type"] == "http.response.start":
                    message = {**message, "status": 400}
                await send(message)

            await app(scope, received, sent)

        return filtering

    return around_app(parts, around)


class _Rewriting(UpstreamAround):
    """Texts of messages are rewritten on their way."""

    def text(self, content: str) -> str:
        return content

    def rewritten(self, body: dict[str, Any]) -> dict[str, Any]:
        messages = [
            message | {"content": self.text(message["content"])}
            if isinstance(message.get("content"), str)
            else message
            for message in body.get("messages", [])
        ]
        return body | {"messages": messages}


@alone("credentials-blackened", fails={SIFTED})
def credentials_blackened(parts: Parts) -> Parts:
    """What looks like a key is replaced by asterisks."""

    class Blackening(_Rewriting):
        def text(self, content: str) -> str:
            return re.sub(r"sk-proj-\w+", "***", content)

    return sending(parts, Blackening)
