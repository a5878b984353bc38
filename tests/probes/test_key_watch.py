"""A key that has ended is shown at every endpoint and every address, on kept connections and on new ones."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from conformance.dialects.speak import Key
from conformance.model.evidence import CannotObserve
from conformance.model.keys import Death
from conformance.probes.door import Answer
from conformance.probes.keys.watch import Place, Watch, serving
from conformance.target import Endpoint, Target
from tests.probes.conftest import Opened, run, target
from tests.probes.servers import Script, listening, request

MODELS = Endpoint(kind="models", path="/v1/models")
OTHERS = Endpoint(kind="models", path="/v1/others")
NOTHING = Answer(status=0, headers=(), body=b"", ms=0)


def key(secret: str) -> Key:
    """A key of this secret."""
    return Key(secret, secret, secret, None, {}, NOTHING)


def gateway(*, lenient: str = "", served: Sequence[str] = ("/v1/models", "/v1/others")) -> Script:
    """Serves living keys, and dead ones at the path that is lenient; `new` is so for the first request of each connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = True
        while True:
            head, _ = await request(reader)
            path = head.split(b" ")[1].decode()
            good = b"living" in head or path == lenient or (lenient == "new" and first and b"close" in head)
            status = 200 if good and path in served else 401
            writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status)
            first = False

    return script


def declaring(port: int, *endpoints: Endpoint, **gateway: Any) -> Target:
    """A target with these endpoints."""
    return msgspec.structs.replace(target(port, **gateway), inference=endpoints)


def watched(opened: Opened, script: Script) -> Death:
    """The end of a dead key there, at two endpoints."""

    async def scene() -> Death:
        async with listening(script) as port, opened(target(port)) as session:
            places = (Place(MODELS), Place(OTHERS))
            watch = Watch(session, key("dead"), key("living"), 0.1, places)
            await watch.run()
            return watch.death("revoke", alive_before=True)

    return run(scene)


def test_a_key_that_is_dead_everywhere_is_seen_to_be_so(opened: Opened) -> None:
    death = watched(opened, gateway())

    assert death.last_served_ms is None
    assert death.sibling_served == death.sibling_polls > 0
    assert death.places == ("/v1/models", "/v1/others")
    assert death.refused_after_deadline == death.polls_after_deadline >= 6


@pytest.mark.parametrize("lenient", ["/v1/others", "new"], ids=["one endpoint", "new connections"])
def test_a_key_that_lives_on_somewhere_is_noticed(opened: Opened, lenient: str) -> None:
    death = watched(opened, gateway(lenient=lenient))

    assert death.last_served_ms is not None
    assert death.last_served_ms > 100
    assert death.refused > 0


def test_only_places_that_serve_a_living_key_are_watched(opened: Opened) -> None:
    async def scene() -> tuple[bool, tuple[Place, ...]]:
        async with (
            listening(gateway(served=("/v1/others",))) as port,
            opened(declaring(port, MODELS, OTHERS)) as session,
        ):
            return await serving(session, key("living"))

    assert run(scene) == (True, (Place(OTHERS),))


def test_every_address_is_a_place_of_its_own(opened: Opened) -> None:
    async def scene() -> tuple[bool, tuple[Place, ...]]:
        async with listening(gateway()) as port:
            two = {"127.0.0.1": ("127.0.0.1", "127.0.0.2")}  # nobody listens on the other
            async with opened(declaring(port, MODELS, resolve=two)) as session:
                return await serving(session, key("living"))

    assert run(scene) == (True, (Place(MODELS, "127.0.0.1"),))


def test_without_an_endpoint_that_costs_money_nothing_is_watched(opened: Opened) -> None:
    async def scene() -> None:
        async with listening(gateway()) as port, opened(declaring(port)) as session:
            await serving(session, key("living"))

    with pytest.raises(CannotObserve, match="costs money"):
        run(scene)
