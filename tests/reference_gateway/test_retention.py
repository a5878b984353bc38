"""A canary goes every way a request can go; afterwards nothing that the gateway wrote holds it."""

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reference_gateway.gateway import RunningGateway, chat, running_gateway, write_config, write_tls
from tests.reference_gateway.raw_tls import exchange, request
from tests.reference_gateway.stub_provider import (
    Script,
    StubProvider,
    clean_early_end,
    held_stream,
    ordinary,
    refusing,
    running_stub,
    silence,
    transport_cut,
)

CANARY = "quokka-29461-heliotrope"
KEY_NAME = "control-83125"
SCRIPTS: dict[str, Script] = {
    "ordinary": ordinary,
    "held": held_stream,
    "early-end": clean_early_end,
    "cut": transport_cut,
    "refuses-400": refusing(400),
    "refuses-500": refusing(500),
    "silence": silence,
}


def with_canary(model: str, *, stream: bool) -> dict[str, object]:
    return chat(model, stream=stream, user=CANARY, stop=[CANARY]) | {
        "messages": [
            {"role": "system", "content": CANARY},
            {"role": "user", "name": CANARY, "content": [{"type": "text", "text": CANARY}]},
        ]
    }


def send_everywhere(gateway: RunningGateway, stub: StubProvider, key: str) -> None:
    with gateway.client(key) as client:
        for model in SCRIPTS.keys() - {"held"}:
            for stream in (True, False):
                client.post("/v1/chat/completions", json=with_canary(model, stream=stream))
        with client.stream("POST", "/v1/chat/completions", json=with_canary("held", stream=True)) as answer:
            next(answer.iter_lines())
        stub.released.set()
        for body in (CANARY, f'{{"model": "{CANARY}"', f'{{"{CANARY}": "\ud7ff'):
            client.post("/v1/chat/completions", content=body, headers={"content-type": "application/json"})
        client.get(f"/{CANARY}", params={CANARY: CANARY}, headers={"user-agent": CANARY, "cookie": CANARY})
    exchange(gateway, request(CANARY, "/"))
    exchange(gateway, request("GET", f"/{CANARY}", f"x-{CANARY}: {CANARY}\r\n"))
    exchange(gateway, request("POST", "/v1/chat/completions", f"authorization: Bearer {CANARY}\r\n"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    """Every file in the gateway's folder after it stopped, output and database included."""
    folder = tmp_path_factory.mktemp("retention")
    write_tls(folder)
    with running_stub(folder) as stub:
        stub.scripts |= SCRIPTS
        config = write_config(folder, stub.url, list(SCRIPTS), "[bounds]\nprovider_idle_seconds = 0.5\n")
        with running_gateway(config) as gateway:
            public_id, key = gateway.new_key("10", name=KEY_NAME)
            send_everywhere(gateway, stub, key)
            while_running = {path: path.read_bytes() for path in folder.iterdir()}
            (folder / "id").write_text(public_id)
            (folder / "key").write_text(key)
            assert sum(CANARY.encode() in seen.raw for seen in stub.seen) == 2 * len(SCRIPTS) - 1
    return {path: path.read_bytes() + while_running.get(path, b"") for path in folder.iterdir()}


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda canary: canary,
    "hex": lambda canary: canary.hex().encode(),
    "base64": lambda canary: base64.b64encode(canary)[:-4],
    "UTF-16": lambda canary: canary.decode().encode("utf-16-le"),
    "a part": lambda canary: canary[:8],
}


@pytest.mark.parametrize("form", FORMS)
def test_no_file_and_no_output_holds_the_canary(written: dict[Path, bytes], form: str) -> None:
    looked_for = FORMS[form](CANARY.encode())

    assert [path.name for path, data in written.items() if looked_for in data] == []


def test_the_search_finds_what_must_be_there(written: dict[Path, bytes]) -> None:
    by_name = {path.name: data for path, data in written.items()}

    assert KEY_NAME.encode() in by_name["ledger.sqlite3"] + by_name.get("ledger.sqlite3-wal", b"")
    requests = {line for line in by_name["stdout"].splitlines() if b'"route":"chat"' in line}
    assert len(requests) == 2 * len(SCRIPTS) - 1 + 3 + 1


def test_standard_error_is_empty_and_standard_output_a_closed_vocabulary(written: dict[Path, bytes]) -> None:
    by_name = {path.name: data.decode("latin-1") for path, data in written.items()}

    line = re.compile(r'\{("[a-z_]+":([0-9]+|"[a-z_]+"|"[0-9a-f]{32}"),?)+\}')
    assert by_name["stderr"] == ""
    assert all(line.fullmatch(one) for one in by_name["stdout"].splitlines())


def test_the_key_is_stored_nowhere(written: dict[Path, bytes]) -> None:
    by_name = {path.name: data for path, data in written.items()}
    key = by_name.pop("key")
    secret = key[len("rgw_") + 12 :][:43]

    assert [name for name, data in by_name.items() if secret[:16] in data] == []
