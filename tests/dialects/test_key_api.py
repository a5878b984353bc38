"""The key API, spoken against a real server."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace as _replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

from conformance.dialects.grammar import Dialect
from conformance.dialects.speak import Key, KeyApi, KeyApiTrouble, Look
from conformance.evidence.journal import Journal, Leftover, leftovers
from conformance.model.money import PICO_PER_USD, from_usd
from conformance.model.scale import Fault
from conformance.probes.door import Door, NoAnswer
from conformance.probes.meter import Meter
from conformance.target import Gateway, Limits, Target
from tests.dialects.key_server import ADMIN, KeyServer, Said, serving

T = TypeVar("T")
Scene = Callable[[KeyApi], Awaitable[T]]

DIALECT: dict[str, Any] = {
    "name": "small",
    "create": {
        "calls": [
            {
                "method": "POST",
                "path": "/keys",
                "body": {"name": "{name}", "limit": "{limit}"},
                "capture": {"secret": "/key", "id": "/id"},
            }
        ]
    },
    "read": {"calls": [{"method": "GET", "path": "/keys/{id}", "capture": {"limit": "/limit", "usage": "/usage"}}]},
    "set_limit": {"calls": [{"method": "PATCH", "path": "/keys/{id}", "body": {"limit": "{limit}"}}]},
    "revoke": {"calls": [{"method": "DELETE", "path": "/keys/{id}"}]},
    "rotate": {"calls": [{"method": "POST", "path": "/keys/{id}/rotate", "capture": {"secret": "/key"}}]},
    "listing": {
        "call": {"method": "GET", "path": "/keys?offset={offset}"},
        "items": "/data", "id": "/id", "name": "/name", "style": "offset",
    },
}  # fmt: skip


def play(
    server: KeyServer,
    journal: Path,
    scene: "Scene[T]",
    *,
    per_usd: int = 1,
    grain: int = 1,
    content: KeyServer | None = None,
    **dialect: Any,
) -> T:
    """Run a scene with the key API of a server; the content API is that of `content`, or of the same one."""
    place = Gateway(base_urls=((content or server).url,), admin_url=server.url)

    async def staged() -> T:
        target = Target(
            name="t",
            environment="test",
            gateway=place,
            limits=Limits(rate=1e5, timeout=2),
        )
        door = Door(target, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), Meter(target.limits))
        book = Journal(journal)
        api = KeyApi(
            msgspec.convert(DIALECT | dialect, Dialect), door, book,
            url=server.url, credential=ADMIN, per_usd=per_usd, grain=grain, run="r1", variables={},
        )  # fmt: skip
        try:
            return await scene(api)
        finally:
            book.close()
            await door.close()

    return asyncio.run(staged())


def trouble(server: KeyServer, journal: Path, scene: "Scene[Any]", **more: Any) -> KeyApiTrouble:
    """The trouble that a scene runs into."""
    with pytest.raises(KeyApiTrouble) as caught:
        play(server, journal, scene, **more)
    return caught.value


async def _create(api: KeyApi) -> Key:
    return await api.create("probe")


def _faults(raised: KeyApiTrouble) -> Fault:
    return raised.unobserved.fault


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where the journal of the scene is written."""
    return tmp_path / "journal.jsonl"


def test_a_key_is_made_read_rotated_and_revoked(journal: Path) -> None:
    async def scene(api: KeyApi) -> tuple[Key, Key, int | None]:
        key = await api.create("probe", PICO_PER_USD)
        reading = await api.read(key)
        rotated = await api.rotate(key)
        assert api.alive() == (rotated,)
        await api.revoke(rotated)
        assert api.alive() == ()
        return key, rotated, reading.limit

    with serving(KeyServer()) as server:
        key, rotated, limit = play(server, journal, scene)
        assert server.keys == {}
    assert limit == key.limit == PICO_PER_USD
    assert (key.id, rotated.id) == ("id-000000", "id-000000")
    assert key.secret != rotated.secret
    assert leftovers(journal) == ()


OWN = {"method": "GET", "path": "/own", "credential": "key", "capture": {"usage": "/usage"}}


async def _read_own(api: KeyApi) -> int | None:
    return (await api.read_own(await api.create("probe"))).usage


@pytest.mark.parametrize("at", ["key-api", "content-api"])
def test_a_key_reads_itself_where_the_dialect_says(at: str, journal: Path) -> None:
    told = Said(200, {"usage": 1})
    with (
        serving(KeyServer(before=lambda method, path, body: told if path == "/own" else None)) as server,
        serving(KeyServer(before=lambda *_: told)) as content,
    ):
        usage = play(server, journal, _read_own, content=content, own={"calls": [OWN | {"at": at}]})
        asked = {"key-api": server, "content-api": content}
        assert [name for name, one in asked.items() if ("GET", "/own", b"") in one.requests] == [at]
    assert usage == PICO_PER_USD


def test_the_content_api_never_gets_the_admin_credential(journal: Path) -> None:
    async def scene(api: KeyApi) -> None:
        key = await api.create("probe", PICO_PER_USD)
        await api.read(key)
        await api.pages()
        await api.set_limit(key, 2 * PICO_PER_USD)
        await api.revoke(await api.rotate(key))

    with serving(KeyServer()) as server, serving(KeyServer()) as content:
        play(server, journal, scene, content=content)
        assert len(server.requests) == 7
        assert content.requests == []


def test_a_redirect_of_the_key_api_is_not_followed(journal: Path) -> None:
    with serving(KeyServer()) as elsewhere:
        moved = Said(307, {}, location=f"{elsewhere.url}/keys")
        with serving(KeyServer(before=lambda *_: moved)) as server:
            raised = trouble(server, journal, _create, content=elsewhere)
        assert elsewhere.requests == []
    assert (_faults(raised), raised.status) == (Fault.OPERATOR, 307)


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ({}, "/keys?offset=0"),
        ({"listing": None}, "/keys/id-000000"),
        ({"listing": None, "read": None}, None),
        ({"listing": None, "read": {"calls": [{"method": "POST", "path": "/keys/{id}"}]}}, None),
        ({"listing": None, "read": {"calls": [{"method": "GET", "path": "/keys?secret={key}"}]}}, None),
        ({"listing": DIALECT["listing"] | {"call": {"method": "GET", "path": "/{team}"}}}, "/keys/id-000000"),
    ],
    ids=[
        "listing",
        "reading a key",
        "neither",
        "no GET",
        "a secret in the path",
        "a variable that nothing sets",
    ],
)
def test_a_look_changes_nothing(dialect: dict[str, Any], path: str | None, journal: Path) -> None:
    async def scene(api: KeyApi) -> Look | None:
        return api.look(await api.create("probe"))

    with serving(KeyServer()) as server:
        look = play(server, journal, scene, **dialect)

    assert (look.path if look else None) == path
    if look is not None:
        assert (look.headers, look.admitted) == ({}, {"Authorization": f"Bearer {ADMIN}"})
        assert ADMIN not in repr(look)


def test_the_journal_names_a_key_before_its_creation_is_asked_for(journal: Path) -> None:
    known: list[bool] = []

    def look(method: str, path: str, body: Any) -> None:
        known.append(method == "POST" and any(entry.name == body["name"] for entry in leftovers(journal)))

    with serving(KeyServer(before=look)) as server:
        key = play(server, journal, _create)
    assert known == [True]
    assert leftovers(journal) == (Leftover(name=key.name, variables={"id": key.id}),)


def test_neither_the_journal_nor_a_printed_key_holds_a_secret(journal: Path) -> None:
    with serving(KeyServer()) as server:
        key = play(server, journal, _create)
    assert key.secret == "secret-of-id-000000-1"
    assert key.secret not in journal.read_text()
    assert key.secret not in repr(key)


@pytest.mark.parametrize(
    ("per_usd", "usd", "sent"),
    [(1, "0.1", b"0.1"), (100, "0.001", b"0.1"), (500_000, "0.000002", b"1"), (1, "0.000000001", b"1E-9")],
)
def test_limits_travel_as_exact_decimals(per_usd: int, usd: str, sent: bytes, journal: Path) -> None:
    with serving(KeyServer()) as server:
        play(server, journal, lambda api: api.create("probe", from_usd(usd)), per_usd=per_usd)
        assert server.requests[0][2].endswith(b'"limit":' + sent + b"}")
        assert server.keys["id-000000"]["limit"] == Decimal(sent.decode())


def test_limits_that_are_strings_are_written_out_and_left_out(journal: Path) -> None:
    text = {"limit": "{limit_text}"}
    create = {"calls": [DIALECT["create"]["calls"][0] | {"body": {"name": "{name}"} | text}]}
    change = {"calls": [DIALECT["set_limit"]["calls"][0] | {"body": text}]}

    async def scene(api: KeyApi) -> None:
        key = await api.create("probe", from_usd("0.000000001"))
        await api.set_limit(key, from_usd("1000"))
        await api.create("probe")
        await api.create("probe", literal="NaN")

    with serving(KeyServer()) as server:
        play(server, journal, scene, create=create, set_limit=change)
        told = [msgspec.json.decode(body).get("limit") for _, _, body, *_ in server.requests]
    assert told == ["0.000000001", "1000", None, "NaN"]


def test_a_limit_that_the_answer_to_a_creation_told_is_a_variable_like_any_other(journal: Path) -> None:
    create = {
        "calls": [
            DIALECT["create"]["calls"][0] | {"capture": {"secret": "/key", "id": "/id", "limit": "/id"}}
        ]
    }

    async def scene(api: KeyApi) -> int | None:
        return (await api.read(await api.create("probe", 1))).limit

    with serving(KeyServer()) as server:
        assert play(server, journal, scene, create=create) == 1


@pytest.mark.parametrize(("per_usd", "pico"), [(1, from_usd("0.1")), (100, from_usd("0.001"))])
def test_usage_is_read_without_floats(per_usd: int, pico: int, journal: Path) -> None:
    async def scene(api: KeyApi) -> int | None:
        return (await api.read(await api.create("probe"))).usage

    with serving(KeyServer()) as server:
        assert play(server, journal, scene, per_usd=per_usd) == pico


@pytest.mark.parametrize(
    ("told", "pico"),
    [
        (b"0.3", from_usd("0.3")), (b'"0.3"', from_usd("0.3")), (b"1e-9", 1000), (b"0", 0),
        (b"null", None), (b"true", None), (b'"NaN"', None), (b'"a lot"', None), (b"[1]", None),
        (b"1e999999999", None), (b'"1e999999999"', None), (b"1e99999999999999999999", None),
    ],
)  # fmt: skip
def test_only_amounts_of_money_count_as_usage(told: bytes, pico: int | None, journal: Path) -> None:
    said = Said(200, None, raw=b'{"limit":null,"usage":' + told + b"}")

    async def scene(api: KeyApi) -> int | None:
        key = await api.create("probe")
        server.before = lambda *_: said
        return (await api.read(key)).usage

    with serving(KeyServer()) as server:
        assert play(server, journal, scene) == pico


@pytest.mark.parametrize(
    ("limit", "rounded"), [(1, 10**10), (10**10, 10**10), (10**10 + 1, 2 * 10**10), (0, 0)]
)
def test_limits_are_rounded_up_to_what_the_gateway_can_express(
    limit: int, rounded: int, journal: Path
) -> None:
    async def scene(api: KeyApi) -> int | None:
        return (await api.create("probe", limit)).limit

    with serving(KeyServer()) as server:
        assert play(server, journal, scene, per_usd=100, grain=from_usd("0.01")) == rounded
        assert server.keys["id-000000"]["limit"] == rounded // 10**10


def test_a_key_without_a_limit_is_made_without_the_field(journal: Path) -> None:
    with serving(KeyServer()) as server:
        play(server, journal, _create)
        assert b"limit" not in server.requests[0][2]


def test_every_page_of_a_listing_is_read(journal: Path) -> None:
    async def scene(api: KeyApi) -> int:
        for number in range(5):
            await api.create(f"n{number}")
        return sum(len(page.json()["data"]) for page in await api.pages())

    with serving(KeyServer()) as server:
        assert play(server, journal, scene) == 5


def _pointing(**capture: str) -> dict[str, Any]:
    (call,) = DIALECT["create"]["calls"]
    return {"create": {"calls": [call | {"capture": call["capture"] | capture}]}}


@pytest.mark.parametrize(
    ("capture", "said"), [({"secret": "/token"}, "holds no secret"), ({"id": "/hash"}, "holds no public id")]
)
def test_a_wrong_pointer_is_the_operators_fault(capture: dict[str, str], said: str, journal: Path) -> None:
    with serving(KeyServer()) as server:
        raised = trouble(server, journal, _create, **_pointing(**capture))
    assert _faults(raised) is Fault.OPERATOR
    assert said in str(raised)
    assert len(leftovers(journal)) == 1, "the key exists, whatever we could not read of it"


def test_a_key_whose_secret_was_not_found_can_still_be_revoked(journal: Path) -> None:
    async def clean(api: KeyApi) -> None:
        await api.clear(leftovers(journal)[0])

    with serving(KeyServer()) as server:
        trouble(server, journal, _create, **_pointing(secret="/token"))
        play(server, journal, clean, listing=None)
        assert server.keys == {}
    assert leftovers(journal) == ()


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (Said(400, {}), Fault.OPERATOR), (Said(401, {}), Fault.OPERATOR), (Said(404, {}), Fault.OPERATOR),
        (Said(302, {}), Fault.OPERATOR), (Said(202, {}), Fault.OPERATOR), (Said(200, None, raw=b"<html>"), Fault.OPERATOR),
        (Said(429, {}), Fault.TARGET), (Said(500, {}), Fault.TARGET), (Said(503, {}), Fault.TARGET),
        (Said(0, None), Fault.TARGET),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)  # fmt: skip
def test_trouble_at_creation_says_whose_fault_it_is(said: Said, fault: Fault, journal: Path) -> None:
    with serving(KeyServer(before=lambda *_: said)) as server:
        assert _faults(trouble(server, journal, _create)) is fault


def test_a_key_api_that_nobody_serves_is_the_networks_fault(journal: Path) -> None:
    with serving(KeyServer()) as server:
        pass
    raised = trouble(server, journal, _create)
    assert (_faults(raised), raised.status) == (Fault.NETWORK, None)


def test_a_key_api_that_answered_before_is_said_to_have_stopped(journal: Path) -> None:
    server = KeyServer()

    async def scene(api: KeyApi) -> None:
        await api.create("before")
        with pytest.raises(KeyApiTrouble) as caught:
            api._speaker._expect(
                "read", api.dialect.create.calls[0], NoAnswer(kind="timeout", detail="", ms=1)
            )
        assert "which it did before" in caught.value.unobserved.decide

    with serving(server):
        play(server, journal, scene)


def test_a_refused_creation_leaves_nothing_open(journal: Path) -> None:
    with serving(KeyServer(before=lambda *_: Said(400, {}))) as server:
        trouble(server, journal, _create)
    assert leftovers(journal) == ()


@pytest.mark.parametrize("said", [Said(0, None), Said(500, {}), Said(302, {})], ids=lambda s: str(s.status))
def test_a_creation_of_unknown_outcome_stays_open(said: Said, journal: Path) -> None:
    with serving(KeyServer(before=lambda *_: said)) as server:
        trouble(server, journal, _create)
    assert len(leftovers(journal)) == 1


def test_a_creation_refused_at_its_second_call_stays_open(journal: Path) -> None:
    """The first call has made something: a user, a team."""
    user = {"method": "POST", "path": "/keys", "body": {"name": "user of {name}"}, "capture": {"user": "/id"}}
    key = {"method": "POST", "path": "/nowhere", "capture": {"secret": "/key", "id": "/id"}}
    with serving(KeyServer()) as server:
        raised = trouble(server, journal, _create, create={"calls": [user, key]})
        assert len(server.keys) == 1
    assert (raised.status, raised.call) == (404, 1)
    assert len(leftovers(journal)) == 1


def test_a_variable_that_nothing_sets_is_the_operators_fault_and_nothing_is_sent(journal: Path) -> None:
    with serving(KeyServer()) as server:
        raised = trouble(
            server, journal, _create,
            create={"calls": [{"method": "POST", "path": "/{team}/keys", "capture": {"secret": "/key", "id": "/id"}}]},
        )  # fmt: skip
        assert server.requests == []
    assert _faults(raised) is Fault.OPERATOR
    assert "{team}" in str(raised)


def test_an_operation_that_the_dialect_lacks_is_named_with_its_reason(journal: Path) -> None:
    async def scene(api: KeyApi) -> None:
        await api.do("disable", await api.create("probe"))

    with serving(KeyServer()) as server:
        raised = trouble(server, journal, scene, absent={"disable": "keys cannot be suspended"})
    assert "keys cannot be suspended" in str(raised)
    assert _faults(raised) is Fault.OPERATOR


def test_a_key_whose_creation_was_never_answered_is_found_by_name_and_revoked(journal: Path) -> None:
    def lose(method: str, path: str, body: Any) -> Said | None:
        if method != "POST":
            return None
        server.answer(method, path, body)  # it was made, and nobody heard of it
        return Said(0, None)

    async def clean(api: KeyApi) -> None:
        (open_entry,) = leftovers(journal)
        assert open_entry.variables == {}
        await api.clear(open_entry)

    with serving(KeyServer()) as server:
        play(server, journal.with_name("others"), _three)
        server.before = lose
        trouble(server, journal, _create)
        assert len(server.keys) == 4
        play(server, journal, clean)
        assert len(server.keys) == 3, "the key of this run is gone, the others are not"
    assert leftovers(journal) == ()


async def _three(api: KeyApi) -> None:
    for number in range(3):
        await api.create(f"n{number}")


async def _clear(api: KeyApi) -> None:
    await api.clear(Leftover(name="gateproof-r1-lost-abc"))


def test_a_name_that_a_whole_listing_does_not_hold_is_gone(journal: Path) -> None:
    with serving(KeyServer()) as server:
        play(server, journal.with_name("others"), _three)
        server.requests.clear()
        play(server, journal, _clear)

    assert {method for method, _, _ in server.requests} == {"GET"}, "it was looked for, and nothing revoked"
    assert len(server.keys) == 3


@pytest.mark.parametrize(
    "listing",
    [
        None,
        DIALECT["listing"] | {"name": ""},
        DIALECT["listing"] | {"name": "/alias"},
        DIALECT["listing"] | {"items": "/keys"},
    ],
    ids=["no listing", "no names", "names are elsewhere", "no array there"],
)
def test_a_listing_that_cannot_find_does_not_prove_that_a_key_is_gone(listing: Any, journal: Path) -> None:
    with serving(KeyServer()) as server:
        play(server, journal.with_name("others"), _three)
        assert _faults(trouble(server, journal, _clear, listing=listing)) is Fault.OPERATOR


def test_a_listing_too_long_to_be_read_whole_does_not_prove_that_a_key_is_gone(journal: Path) -> None:
    counter = iter(range(1000))

    def endless(method: str, path: str, body: Any) -> Said:
        return Said(200, {"data": [{"id": f"id-{next(counter)}", "name": "another"}]})

    with serving(KeyServer(before=endless)) as server:
        raised = trouble(server, journal, _clear)
        assert len(server.requests) == 50
    assert "does not show whether" in str(raised)


@pytest.mark.parametrize("items", [5, "text", {"a": 1}, None, [5, None, "x"]])
def test_odd_listings_raise_nothing_but_trouble(items: Any, journal: Path) -> None:
    with serving(KeyServer(before=lambda *_: Said(200, {"data": items}))) as server:
        trouble(server, journal, _clear)


def test_a_key_that_was_revoked_before_the_audit_was_killed_is_gone(journal: Path) -> None:
    with serving(KeyServer()) as server:
        key = play(server, journal, _create)
        server.keys.clear()
        play(server, journal, lambda api: api.clear(Leftover(name=key.name, variables=dict(key.variables))))
    assert leftovers(journal) == ()


def test_a_revocation_that_the_gateway_does_not_know_leaves_a_listed_key_open(journal: Path) -> None:
    wrong = {"calls": [{"method": "DELETE", "path": "/tokens/{id}"}]}
    with serving(KeyServer()) as server:
        key = play(server, journal, _create)
        left = Leftover(name=key.name, variables=dict(key.variables))
        raised = trouble(server, journal, lambda api: api.clear(left), revoke=wrong)
    assert raised.status == 404
    assert len(leftovers(journal)) == 1


def test_a_key_whose_revocation_failed_is_still_alive(journal: Path) -> None:
    async def scene(api: KeyApi) -> tuple[Key, ...]:
        key = await api.create("probe")
        server.before = lambda *_: Said(500, {})
        with pytest.raises(KeyApiTrouble):
            await api.revoke(key)
        return api.alive()

    with serving(KeyServer()) as server:
        assert len(play(server, journal, scene)) == 1
    assert len(leftovers(journal)) == 1


def test_identifiers_with_odd_letters_stay_in_their_segment(journal: Path) -> None:
    async def scene(api: KeyApi) -> None:
        key = await api.create("probe")
        with pytest.raises(KeyApiTrouble):
            await api.read(_replace(key, id="../admin?x=1", variables={}))

    with serving(KeyServer()) as server:
        play(server, journal, scene)
        assert server.requests[-1][1] == "/keys/..%2Fadmin%3Fx%3D1"
