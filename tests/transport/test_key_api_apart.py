"""A key API on a listener of its own: every promise about transport holds there too, and is looked at there."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from conformance.checks.transport.clear_text import clear_text_key_is_not_accepted, clear_text_serves_nothing
from conformance.checks.transport.hsts import hsts_on_every_answer
from conformance.checks.transport.versions import tls12_is_refused, tls13_is_negotiated
from conformance.dialects.shipped import shipped
from conformance.dialects.speak import KeyApi
from conformance.model.clear_text import ClearText
from conformance.model.transport import HstsAnswers, TlsVersions
from conformance.model.verdict import Fail, Inconclusive, Pass
from conformance.probes.clear_text import observe_clear_text
from conformance.probes.hsts import hsts_answers
from conformance.probes.tls.prober import Patience
from conformance.probes.tls.versions import observe_versions
from conformance.session import Session
from conformance.target import Target
from tests.transport import deployments as d
from tests.transport.sessions import NO_FACTS, declared, session, target

T = TypeVar("T")
HASTE = Patience(least=0.3, most=0.6, pause=0.01)
ADMIN, SECRET = "sk-the-admin", "sk-made-for-the-audit-0123456789"
HSTS = "Strict-Transport-Security: max-age=31536000"
CONTENT = {b"GET /v1/models": SECRET, b"POST /v1/chat/completions": SECRET}
KEYS = {b"GET /key/list": ADMIN, b"POST /key/generate": ADMIN, b"POST /key/delete": ADMIN}


@dataclass(slots=True)
class Api:
    """Routes, each opened by one credential, and every head that was heard."""

    routes: dict[bytes, str]
    headers: tuple[str, ...] = (HSTS,)
    heard: list[bytes] = field(default_factory=list)

    def __call__(self, head: bytes) -> bytes:
        self.heard.append(head)
        body = json.dumps(
            {"key": SECRET, "token": "public-id", "keys": []} if self._opens(head) else {"no": 1}
        )
        return d.answer(
            self._status(head),
            body.encode(),
            "Content-Type: application/json",
            "Connection: close",
            *self.headers,
        )

    def _status(self, head: bytes) -> str:
        if b"HTTX" in head:
            return "400 Bad Request"
        if self._opens(head):
            return "200 OK"
        return "401 Unauthorized" if any(head.startswith(route) for route in self.routes) else "404 Not Found"

    def _opens(self, head: bytes) -> bool:
        return any(
            head.startswith(route) and f"Bearer {credential}\r\n".encode().lower() in head.lower()
            for route, credential in self.routes.items()
        )

    def knows(self, credential: str) -> bool:
        """Whether a credential was heard."""
        return any(credential.encode() in head for head in self.heard)


@dataclass(frozen=True, slots=True)
class House:
    """Two listeners, and a target that names them both."""

    content: Api
    keys: Api
    target: Target
    admin_port: int


@contextmanager
def standing(
    certificates: d.Certificates,
    *,
    keys: Api | None = None,
    oldest: int = 0x0304,
    clear_keys: d.Handler | None = None,
    cleartext_ports: tuple[int, ...] = (),
) -> Iterator[House]:
    """The content API, and the key API elsewhere: its `oldest` TLS version, and what it does in clear text."""
    content, keys = Api(CONTENT), keys or Api(KEYS)
    secure = d.tls(certificates.context(oldest, 0x0304), d.speaks_http(keys))
    with (
        d.listening(d.tls(certificates.context(0x0304, 0x0304), d.speaks_http(content))) as port,
        d.listening(d.either(secure, clear_keys) if clear_keys else secure) as admin_port,
    ):
        place = target(
            f"https://localhost:{port}",
            admin_url=f"https://localhost:{admin_port}",
            cleartext_ports=cleartext_ports,
        )
        yield House(content, keys, place, admin_port)


def look(
    house: House,
    certificates: d.Certificates,
    folder: Path,
    observe: Callable[[Session], Awaitable[T]],
    *,
    managed: bool = True,
) -> T:
    """Make an observation, with a key API to speak to where keys are `managed`."""
    one = session(house.target, certificates, folder)
    if managed:
        one.key_api = KeyApi(
            shipped()["litellm"], one.door, one.journal,
            url=house.target.key_api_url(), credential=ADMIN, per_usd=1, grain=1, run="r1", variables={},
        )  # fmt: skip

    async def looking() -> T:
        try:
            return await observe(one)
        finally:
            await one.door.close()
            one.journal.close()

    return asyncio.run(looking())


async def _versions(one: Session) -> TlsVersions:
    return await observe_versions(one, HASTE)


async def _hsts(one: Session) -> HstsAnswers:
    return await hsts_answers(one)


async def _clear(one: Session) -> ClearText:
    return await observe_clear_text(one, HASTE, 1.0)


def test_an_old_tls_version_where_keys_are_managed_fails(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    with standing(certificates, oldest=0x0303) as house:
        versions = look(house, certificates, tmp_path, _versions)

    verdict = tls12_is_refused(versions, declared())
    assert isinstance(verdict, Fail)
    assert f"-connect 127.0.0.1:{house.admin_port} " in verdict.reproduction
    assert isinstance(tls13_is_negotiated(versions, NO_FACTS), Pass)


def test_hsts_on_both_passes_and_the_admin_credential_stays_with_the_key_api(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    with standing(certificates) as house:
        hsts = look(house, certificates, tmp_path, _hsts)

    assert isinstance(hsts_on_every_answer(hsts, NO_FACTS), Pass)
    assert {answer.url for answer in hsts.answers} == set(house.target.urls())
    assert house.keys.knows(ADMIN)
    assert not house.content.knows(ADMIN)
    assert ADMIN not in repr(hsts)


def test_hsts_of_an_unresolved_host_stays_open(certificates: d.Certificates, tmp_path: Path) -> None:
    with standing(certificates) as house:
        hsts = look(house, certificates, tmp_path, _hsts)

    verdict = hsts_on_every_answer(msgspec.structs.replace(hsts, unresolved=("admin.example",)), NO_FACTS)

    assert isinstance(verdict, Inconclusive)
    assert "admin.example has no address" in verdict.because


def test_with_the_admin_credential_nothing_is_asked_that_could_change_something(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    with standing(certificates) as house:
        look(house, certificates, tmp_path, _hsts)

    asked = sorted(head.split(b" ")[0:2] for head in house.keys.heard if ADMIN.encode() in head)
    assert asked == [
        [b"GET", b"/gateproof/no/such/path"],
        [b"GET", b"/key/list?return_full_object=true&page=1&size=100"],
        [b"POST", b"/key/delete"],
        [b"POST", b"/key/generate"],
    ]


def test_hsts_missing_where_keys_are_managed_fails(certificates: d.Certificates, tmp_path: Path) -> None:
    with standing(certificates, keys=Api(KEYS, headers=())) as house:
        verdict = hsts_on_every_answer(look(house, certificates, tmp_path, _hsts), NO_FACTS)

    assert isinstance(verdict, Fail)
    assert verdict.because.startswith(house.target.key_api_url())
    assert "'https://localhost:" in verdict.reproduction, "a query is quoted for the shell"


def test_without_an_admin_credential_hsts_of_the_key_api_stays_open(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    with standing(certificates) as house:
        verdict = hsts_on_every_answer(look(house, certificates, tmp_path, _hsts, managed=False), NO_FACTS)

    assert isinstance(verdict, Inconclusive)
    assert house.target.key_api_url() in verdict.because


def test_a_key_api_that_refuses_in_clear_text_passes(certificates: d.Certificates, tmp_path: Path) -> None:
    with standing(certificates) as house:
        clear = look(house, certificates, tmp_path, _clear)

    assert isinstance(clear_text_serves_nothing(clear), Pass)
    assert isinstance(clear_text_key_is_not_accepted(clear), Pass)
    assert house.admin_port in {place.port for place in clear.places}


def test_a_key_api_that_answers_in_clear_text_fails_and_never_hears_the_admin_credential(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    spoken = Api(KEYS)
    with standing(certificates, clear_keys=d.http(spoken)) as house:
        clear = look(house, certificates, tmp_path, _clear)

    verdict = clear_text_serves_nothing(clear)
    assert isinstance(verdict, Fail)
    assert "keys request in clear text" in verdict.because
    assert spoken.heard
    assert not spoken.knows(ADMIN)


def test_a_clear_port_is_tried_for_each_api_that_could_answer_there(
    certificates: d.Certificates, tmp_path: Path
) -> None:
    """A front that knows the key API's routes only: whoever asks for models there learns nothing."""
    keys = Api(KEYS)

    def front(head: bytes) -> bytes:
        return keys(head) if b" /key/" in head else d.answer("404 Not Found", b"<html>nothing here</html>")

    with (
        d.listening(d.http(front)) as port,
        standing(certificates, cleartext_ports=(port,)) as house,
    ):
        clear = look(house, certificates, tmp_path, _clear)

    verdict = clear_text_serves_nothing(clear)
    assert isinstance(verdict, Fail)
    assert f"http://localhost:{port}/key/list" in verdict.reproduction


@pytest.mark.parametrize("observe", [_versions, _clear, _hsts])
def test_a_key_api_without_an_address_is_noted(
    certificates: d.Certificates,
    tmp_path: Path,
    observe: Callable[[Session], Awaitable[TlsVersions | ClearText | HstsAnswers]],
) -> None:
    with standing(certificates) as house:
        nowhere = target(*house.target.gateway.base_urls, admin_url="https://no-such-host.invalid")
        found = look(
            House(house.content, house.keys, nowhere, 0), certificates, tmp_path, observe, managed=False
        )

    assert found.unresolved == ("no-such-host.invalid",)
