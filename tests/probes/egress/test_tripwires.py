"""Who is seen to follow what stands in prompts."""

import asyncio
import base64
import json
import re
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from conformance.model.egress import Tripwires, TripwireWatch
from conformance.model.evidence import CannotObserve
from conformance.probes import tripwire_watch as watching
from conformance.probes.tripwire_watch import tripwire_watch
from conformance.probes.tripwires import tripwires
from conformance.session import Session
from tests.probes.egress.conftest import ZONE, Play
from tests.probes.egress.passing import Body, Called, Passing
from tests.witness.test_dns import query


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who follows a link here does so before the call is answered, so that nothing has to be waited for."""
    monkeypatch.setattr(watching, "_LEAST_SECONDS", 0.0)


async def _both(session: Session) -> tuple[Tripwires, TripwireWatch]:
    return await tripwires(session), await tripwire_watch(session)


Both = tuple[Tripwires, TripwireWatch]


def _links(called: Called, pattern: str) -> list[str]:
    return re.findall(pattern, called.body.decode())


async def _get(url: str, **headers: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=2, verify=False) as client:  # noqa: S501  as previews do
        await client.get(url, headers=headers)


def test_links_that_nobody_follows_are_untouched_and_could_have_been_followed(play: Play[Both]) -> None:
    sent, seen = play(Passing(), _both)

    assert not seen.touches
    assert seen.arrivals > 0
    assert seen.names == "not declared"
    assert {p.form for p in sent.planted} == {"link", "link without TLS", "credential"}
    refused = [p.forwarded for p in sent.planted if p.field == "refused request"]
    others = [p.sent - p.forwarded for p in sent.planted if p.field != "refused request"]
    assert refused == [0, 0]
    assert set(others) == {0}
    assert [(s.words, s.sent, s.served, s.unchanged) for s in sent.sifted] == [
        ("plain", 4, 4, 4),
        ("credentials", 3, 3, 3),
    ]


@pytest.mark.parametrize(
    ("pattern", "form"),
    [(r"http:/{2}127[^\s\"@]+/t/\w+", "link without TLS"), (r"https:/{2}127[^\s\"@]+/t/\w+", "link")],
)
def test_who_follows_links_is_seen_with_field_and_delay(play: Play[Both], pattern: str, form: str) -> None:
    async def heard(called: Called) -> None:
        for url in _links(called, pattern):
            await _get(url)

    _, seen = play(Passing(heard=heard), _both)

    links = {touch.field for touch in seen.touches if touch.form == form}
    assert links >= {
        "system", "user", "earlier user", "assistant", "tool description", "tool result", "image_url",
        "error of the provider", "refused request",
    }  # fmt: skip
    assert {touch.form for touch in seen.touches} <= {form, "credential"}
    assert all(touch.of_gateway and touch.by == "http" and touch.after_ms < 5000 for touch in seen.touches)


def test_who_tries_a_credential_is_seen_by_it_alone(play: Play[Both]) -> None:
    async def heard(called: Called) -> None:
        for user, word, place in re.findall(r"http:/{2}(\w+):(\w+)@([\w.:]+)/", called.body.decode()):
            token = base64.b64encode(f"{user}:{word}".encode()).decode()
            await _get(f"http://{place}/", authorization=f"Basic {token}")

    _, seen = play(Passing(heard=heard), _both)

    assert {(touch.form, touch.field) for touch in seen.touches} == {("credential", "user")}
    assert seen.touches_total == 3


def test_visitors_without_a_canary_touch_nothing(play: Play[Both]) -> None:
    async def heard(called: Called) -> None:
        for url in _links(called, r"http:/{2}127[^\s\"@]+(?=/t/)"):
            await _get(f"{url}/health")

    _, seen = play(Passing(heard=heard), _both)

    assert not seen.touches


def test_a_filter_for_credentials_is_seen_by_what_it_does(play: Play[Both]) -> None:
    def blackened(body: Body) -> Body:
        clean: Body = json.loads(re.sub(r"sk-proj-\w+", "***", json.dumps(body)))
        return clean

    sent, _ = play(Passing(changed=blackened), _both)

    assert [(s.words, s.served, s.unchanged) for s in sent.sifted] == [("plain", 4, 4), ("credentials", 3, 0)]


async def _look_up(session: Session, name: str) -> None:
    loop = asyncio.get_running_loop()
    with socket.socket(type=socket.SOCK_DGRAM) as asking:
        asking.setblocking(False)
        asking.connect(("127.0.0.1", session.provider().tripwire.port))
        await loop.sock_sendall(asking, query(name))
        await loop.sock_recv(asking, 512)


def test_who_looks_a_name_up_is_seen_and_the_way_is_proven_by_the_provider(play: Callable[..., Both]) -> None:
    names: list[str] = []

    async def look(session: Session) -> Both:
        await _look_up(session, f"witness.{ZONE}")
        sent = await tripwires(session)
        await _look_up(session, names[0])
        return sent, await tripwire_watch(session)

    def heard(called: Called) -> None:
        names.extend(re.findall(rf"http:/{{2}}(qzx\w+\.{ZONE})", called.body.decode()))

    _, seen = play(Passing(heard=heard), look, zone=ZONE, url=f"https://witness.{ZONE}:9443/v1")

    assert seen.names == "proven"
    assert [(touch.form, touch.by, touch.field) for touch in seen.touches] == [("host name", "dns", "system")]


def test_without_a_look_up_of_our_own_names_are_not_proven(
    play: Callable[..., Both], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def nowhere(host: Any, *more: Any, **others: Any) -> Any:
        if str(host).endswith(ZONE):
            raise socket.gaierror("no such name")
        return resolve(host, *more, **others)

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)

    _, seen = play(Passing(), _both, zone=ZONE)

    assert seen.names == "unproven"


def test_a_watch_over_nothing_observes_nothing(play: Play[TripwireWatch]) -> None:
    with pytest.raises(CannotObserve, match="no prompt with a tripwire"):
        play(Passing(), tripwire_watch)
