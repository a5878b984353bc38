"""Every logger at its loudest, every way gone, and everything that was written searched.

The gateway of these tests has neither its gag nor its walls: what keeps content out here is that nothing in
the program hands it to anybody who writes.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from reference_gateway.web.faults import Fault
from tests.reference_gateway.everyway import KEY_NAME
from tests.reference_gateway.leaks import ways, writings
from tests.reference_gateway.leaks.finished import Finished
from tests.reference_gateway.leaks.rows import covers
from tests.reference_gateway.leaks.ways import ended


def test_every_way_was_gone_to_its_end(loud: Finished) -> None:
    assert loud.campaign.outcomes == ways.expected(ways.QUICK, ways.SLOW, ways.LAST)
    assert loud.status == 0


@covers(1, 2, 3, 7, 8, 9, 10, 13, 14, 18, 22)
def test_nothing_that_was_written_holds_content_or_a_secret(loud: Finished) -> None:
    assert loud.sightings() == []


def test_the_search_saw_what_must_be_there(loud: Finished) -> None:
    database = b"".join(data for name, data in loud.written.items() if "ledger.sqlite3" in name)

    assert KEY_NAME.encode() in database
    assert KEY_NAME.encode() in loud.written["admin /api/v1/keys"]
    assert b'gateway_requests_total{route="chat",status="2xx"}' in loud.written["admin /metrics"]
    assert b'"act":"key_created"' in loud.written["admin /api/v1/audit"]
    assert (loud.looks > 0) is writings.everybody_may_look()


VOICES = {
    "asyncio in its debug mode": b"asyncio: Executing <Task ",
    "uvicorn at trace level": b"uvicorn.error: ",
    "the ledger's events": b'{"event":"request","route":"chat","status":200,',
    "faulthandler, of a worker that was killed": b"Fatal Python error: Segmentation fault",
}


@pytest.mark.parametrize("voice", VOICES)
def test_every_voice_was_heard(loud: Finished, voice: str) -> None:
    said = b"".join(data for name, data in loud.written.items() if name.startswith("said-"))

    assert VOICES[voice] in said


@covers(5, 6)
def test_our_own_errors_quote_nobody(loud: Finished) -> None:
    """Streams apart, which were the provider's before they were ours."""
    ours = {
        way: loud.campaign.answers[way]
        for way, outcome in loud.campaign.outcomes.items()
        if outcome.fault and outcome.status != 200
    }

    assert {outcome.fault for outcome in loud.campaign.outcomes.values()} - {""} <= {
        one.name for one in Fault
    }
    assert len(ours) > 100
    assert loud.campaign.canaries.sightings(ours) == []


@covers(12)
def test_providers_get_the_body_and_nothing_else_of_a_caller(loud: Finished) -> None:
    heads = {
        f"{number}": f"{seen.path} {sorted(seen.headers.items())}".replace(_provider_key(loud), "").encode()
        for number, seen in enumerate(loud.campaign.stub.seen)
    }

    assert len(heads) > 200
    assert loud.campaign.canaries.sightings(heads) == []


def _provider_key(finished: Finished) -> str:
    return (finished.campaign.gateway.folder / "provider.key").read_text()


@covers(20)
def test_no_process_that_was_killed_left_a_core_file(loud: Finished) -> None:
    lost = {event["process"] for event in loud.campaign.events("worker_lost")}

    assert len(loud.campaign.killed) == 2 * len(ended.BLOWS)
    assert loud.campaign.killed <= lost
    assert writings.cores() == []


def test_no_secret_of_a_session_is_written_for_others_to_decipher_it(loud: Finished) -> None:
    """OpenSSL's key log, which Python's default contexts write where a variable of the environment says."""
    place = loud.campaign.gateway.folder / "session-secrets"
    usual = "import ssl; ssl.create_default_context()"

    subprocess.run([sys.executable, "-c", usual], env={"SSLKEYLOGFILE": f"{place}-control"}, check=True)

    assert Path(f"{place}-control").exists()
    assert not place.exists()
