"""A creation that is sent again, as it was: what comes of it is known, and gone at the end."""

from pathlib import Path
from typing import Any

import pytest

from conformance.dialects.speak import Key, KeyApi
from conformance.evidence.journal import Leftover, leftovers
from conformance.probes.door import Answer, Reply
from tests.dialects.key_server import KeyServer, Said, serving
from tests.dialects.test_key_api import play

ONCE = {"Idempotency-Key": "one"}
DEAF = Said(0, None)


async def twice(api: KeyApi) -> tuple[Key, Reply]:
    """A key, and the answer to its creation when it is sent once more."""
    key = await api.create("again", headers=ONCE)
    return key, await api.create_again(key)


def creations(server: KeyServer) -> list[bytes]:
    """The bodies of all creations that were sent."""
    return [body for method, path, body in server.requests if (method, path) == ("POST", "/keys")]


def test_the_same_is_sent_again_and_a_second_key_is_revoked(tmp_path: Path) -> None:
    with serving(KeyServer()) as server:
        key, reply = play(server, tmp_path / "journal", twice)

    first, second = creations(server)
    assert first == second
    assert isinstance(reply, Answer)
    assert key.secret not in reply.body.decode()
    assert list(server.keys) == [key.id]
    assert [entry.name for entry in leftovers(tmp_path / "journal")] == [key.name]


def _once(said: Any) -> Any:
    """A server whose second creation is answered otherwise."""
    seen: list[str] = []

    def before(method: str, path: str, _body: Any) -> Said | None:
        seen.extend([path] if (method, path) == ("POST", "/keys") else [])
        return said if method == "POST" and len(seen) == 2 else None

    return before


@pytest.mark.parametrize(
    "said",
    [Said(409, {"error": "made already"}), Said(201, {"key": None, "id": "id-000000"})],
    ids=["refused", "the same key"],
)
def test_where_no_second_key_is_made_nothing_is_left_of_it(tmp_path: Path, said: Said) -> None:
    with serving(KeyServer(before=_once(said))) as server:
        key, _ = play(server, tmp_path / "journal", twice)

    assert [entry.name for entry in leftovers(tmp_path / "journal")] == [key.name]


@pytest.mark.parametrize(
    "said", [DEAF, Said(500, {}), Said(201, {"key": "new"})], ids=["none", "500", "no id"]
)
def test_where_a_second_key_may_have_been_made_it_is_looked_for_by_its_name(
    tmp_path: Path, said: Said
) -> None:
    async def cleared(api: KeyApi) -> None:
        key, _ = await twice(api)
        server.keys["id-000007"] = {"name": key.name}  # which had been made all the same
        for entry in leftovers(tmp_path / "journal"):
            await api.clear(entry)

    with serving(KeyServer(before=_once(said))) as server:
        play(server, tmp_path / "journal", cleared)

    assert not server.keys
    assert not leftovers(tmp_path / "journal")


def test_a_key_from_a_journal_cannot_be_made_again(tmp_path: Path) -> None:
    stray = Key("stray", "", "id", None, {}, Answer(status=0, headers=(), body=b"", ms=0))

    async def scene(api: KeyApi) -> Reply:
        return await api.create_again(stray)

    with serving(KeyServer()) as server, pytest.raises(ValueError, match="stray"):
        play(server, tmp_path / "journal", scene)


def test_a_second_key_that_is_still_there_keeps_its_entry_open(tmp_path: Path) -> None:
    async def scene(api: KeyApi) -> None:
        first = await api.create("again")
        server.keys["id-000007"] = {"name": first.name}
        await api.clear(Leftover(name=f"{first.name} again"))

    with serving(KeyServer()) as server, pytest.raises(Exception, match="still a key"):
        play(server, tmp_path / "journal", scene)
