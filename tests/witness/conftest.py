"""What the tests of the witness share: one private authority, and a way to run scenes on a live witness."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import pytest

from conformance.witness.canaries import TEXT, Counted
from conformance.witness.ledger import WitnessCall
from conformance.witness.pki import Authority, make_authority
from conformance.witness.server import Witness
from conformance.witness.tls import server_context

T = TypeVar("T")


CANARIES = Counted()


def atom(number: int, field: str = TEXT) -> str:
    """The canary of a field of a call's answer."""
    return CANARIES.atom(number, field)


@dataclass(frozen=True, slots=True)
class Stage:
    """A live witness over TLS, and what a client needs to trust it."""

    witness: Witness
    trust: ssl.SSLContext

    def client(self) -> httpx.AsyncClient:
        """A plain HTTP client whose paths stand below the witness's base URL."""
        return httpx.AsyncClient(verify=self.trust, base_url=self.witness.url, timeout=10, trust_env=False)

    async def ended(self, number: int) -> WitnessCall:
        """The call of this number, once its answer has ended."""
        calls = self.witness.calls
        await until(lambda: len(calls) >= number and calls[number - 1].ended is not None)
        return calls[number - 1]


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that the witness records but does not announce."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  the witness has no event to wait for
            await asyncio.sleep(0.005)


Play = Callable[[Callable[[Stage], Awaitable[T]]], T]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def play(authority: Authority) -> Play[T]:
    """Runs a scene on a fresh witness, and returns what the scene returns."""

    def run(scene: Callable[[Stage], Awaitable[T]]) -> T:
        async def staged() -> T:
            tls = server_context(authority.certificate, authority.private_key)
            async with Witness(host="127.0.0.1", port=0, tls=tls, canaries=CANARIES) as witness:
                return await scene(Stage(witness, ssl.create_default_context(cafile=authority.root)))

        return asyncio.run(staged())

    return run


def chat(content: str = "hello", **more: Any) -> dict[str, object]:
    """The body of a chat request."""
    return {"model": "witness-1", "messages": [{"role": "user", "content": content}], **more}
