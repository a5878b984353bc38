"""The gateway's own credentials are found in logs, arguments and answers, and nowhere that they belong."""

import asyncio
import base64
import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from conformance.collectors.credentials import gateway_credentials
from conformance.collectors.places.members import Member, Members
from conformance.collectors.places.procfs import process
from conformance.collectors.places.watcher import Watcher
from conformance.model.credentials import GatewayCredentials
from conformance.model.evidence import CannotObserve
from conformance.session import Session
from conformance.target import Credentials, Secret
from tests.collectors.auditing import files, session_over

PROVIDER = "provider-key-7hT2kQ9pLm1x8KpZ3vY"
ADMIN = "admin-token-b3Xy8WqNz4KM5tGv2HsL"


def observed(session: Session) -> GatewayCredentials:
    """What is seen."""

    async def scene() -> GatewayCredentials:
        return await gateway_credentials(session)

    return asyncio.run(scene())


def looked(session: Session) -> GatewayCredentials:
    """What is seen with a provider's key that is known."""
    session.provider_key = PROVIDER
    return observed(session)


@pytest.mark.parametrize(
    "written",
    [
        PROVIDER.encode(),
        f'{{"authorization":"Bearer {PROVIDER}"}}\n'.encode(),
        base64.b64encode(f"user:{PROVIDER}".encode()),
        gzip.compress(PROVIDER.encode()),
    ],
    ids=["as it is", "in a line", "in base64", "compressed"],
)
def test_a_provider_key_in_a_log_is_found(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "gateway.log").write_bytes(b"2027-01-01 call\n" + written)
    with session_over(tmp_path, files("*.log")) as session:
        seen = looked(session)

    assert {sighting.label for sighting in seen.sightings} == {"the provider's key"}
    assert PROVIDER not in repr(seen)


def test_an_admin_credential_in_a_log_is_found(tmp_path: Path) -> None:
    (tmp_path / "gateway.log").write_text(f"admin {ADMIN}\n")
    (tmp_path / "admin.token").write_text(ADMIN)
    with session_over(tmp_path, files("*.log")) as session:
        admin = Credentials(admin=Secret(file="admin.token"))
        session.target = structs.replace(session.target, credentials=admin)
        seen = looked(session)

    assert {sighting.label for sighting in seen.sightings} == {"the admin credential"}


def test_settings_and_the_ends_of_keys_are_nobodys_fault(tmp_path: Path) -> None:
    (tmp_path / "gateway.log").write_text(f"calling with …{PROVIDER[-4:]}\n")
    (tmp_path / "settings.db").write_text(f"key = {PROVIDER}\n")
    with session_over(tmp_path, files("*.log"), files("*.db", role="account")) as session:
        seen = looked(session)

    assert seen.sightings == ()
    assert seen.surfaces == ("*.log",)


def test_arguments_show_a_key_and_environments_only_a_customers(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "input()", "--upstream-key", PROVIDER]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, "UPSTREAM_KEY": PROVIDER})
    try:
        with session_over(tmp_path, files("*.log")) as session:
            found = process(child.pid)
            assert found is not None
            members = Members(session.target, tmp_path)
            members.found[child.pid] = Member(found, "it listens")
            watcher = Watcher(session.target, tmp_path, members)
            watcher.said[b"\0".join(part.encode() for part in command)] = "arguments of gateway"
            session.watched[Watcher] = watcher
            seen = looked(session)
    finally:
        child.communicate(b"\n")

    assert [sighting.item for sighting in seen.sightings] == ["arguments of gateway"]
    assert seen.processes == 2


def test_an_answer_that_holds_the_provider_key_is_counted(tmp_path: Path) -> None:
    with session_over(tmp_path, files("*.log")) as session:
        heard = session.door.overheard
        heard.listen({"the provider's key": PROVIDER, "nothing": None, "too short": "abc"})
        heard.note(502, [("x-debug", f"key {PROVIDER}")], b"{}")
        heard.note(500, [], f'{{"error":"{PROVIDER}"}}'.encode())
        heard.note(200, [("x-debug", "abc")], b"abc")
        seen = looked(session)

    assert {(told.what, told.status, told.times) for told in seen.told} == {
        ("the provider's key", 502, 1),
        ("the provider's key", 500, 1),
    }


def test_without_a_credential_to_look_for_there_is_no_look(tmp_path: Path) -> None:
    with session_over(tmp_path, files("*.log")) as session, pytest.raises(CannotObserve):
        observed(session)
