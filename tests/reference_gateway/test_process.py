"""How the gateway starts, refuses to start, and what the system may do with it."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reference_gateway.__main__ import main
from tests.reference_gateway.gateway import RunningGateway, running_gateway, write_config, write_tls
from tests.reference_gateway.stub_provider import StubProvider

COMMAND = [sys.executable, "-m", "reference_gateway"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_tls(tmp_path)
    return write_config(tmp_path, "https://127.0.0.1:1/v1", ["m"])


def started(config: Path) -> "subprocess.CompletedProcess[str]":
    """A start that must end by itself."""
    command = [*COMMAND, str(config)]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


MISTAKES = {
    "a key that is not known": ("[ledger]", "[ledger]\ncolour = 1", "unknown field"),
    "no TOML": ("[ledger]", "[ledger", "gateway.toml:"),
    "a wrong type": ('path = "ledger.sqlite3"', "path = 5", "$.ledger.path"),
    "a provider without TLS": ("https://127.0.0.1:1/v1", "http://127.0.0.1:1/v1", "must be an https URL"),
    "a provider that is not there": ('provider = "stub"', 'provider = "other"', "not among [[providers]]"),
    "a price that cannot be exact": ('"1.00"', '"0.0000001"', "price.prompt"),
    "a price that no sum could hold": (
        'completion = "2.00" }',
        'completion = "2.00", request = "1001" }',
        "price.request",
    ),
    "a negative price": ('"1.00"', '"-1"', "price.prompt"),
    "a price that is no number": ('"1.00"', '"cheap"', "price.prompt"),
    "no certificate": ('"server.pem"', '"missing.pem"', "[listen] certificate"),
    "a key that does not match": (
        'private_key = "server.key"',
        'private_key = "ca.pem"',
        "not a matching PEM pair",
    ),
    "no admin token": ('token_file = "admin.token"', "", "exactly one of token_env and token_file"),
    "an admin token variable that is unset": (
        'token_file = "admin.token"',
        'token_env = "UNSET_VARIABLE"',
        "UNSET_VARIABLE is empty or unset",
    ),
    "two admin tokens that are one": (
        "[ledger]",
        '[[admin.tokens]]\nname = "second"\ntoken_file = "admin.token"\n[ledger]',
        "two credentials have the same token",
    ),
    "two admin tokens of one name": (
        "[ledger]",
        '[[admin.tokens]]\nname = "first"\ntoken_file = "ca.pem"\n[ledger]',
        "'first' is there twice",
    ),
    "a provider's address in no known spelling": ("127.0.0.1:1/v1", "ünï.example/v1", "printable ASCII"),
    "a provider's address that is no URL": ("127.0.0.1:1/v1", "[::1/v1", "is no URL"),
    "a provider's port that is none": ("127.0.0.1:1/v1", "127.0.0.1:99999/v1", "is no URL"),
    "a provider's host that is no name": ("127.0.0.1:1/v1", ".example/v1", "is no host name"),
    "an inline secret": ('api_key_file = "provider.key"', 'api_key = "abc"', "unknown field"),
    "a CA file without certificates": ('ca_file = "ca.pem"', 'ca_file = "server.key"', "ca_file"),
    "an address that is not ours": ("[listen]", '[listen]\nhost = "192.0.2.1"', "cannot listen"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_configuration_is_one_line_that_names_it(config: Path, mistake: str) -> None:
    old, new, expected = MISTAKES[mistake]
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new, 1))

    ran = started(config)

    assert ran.returncode == 2
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stderr.startswith("reference_gateway: configuration: ")
    assert expected in ran.stderr


@pytest.mark.parametrize(
    "token",
    [
        "",
        "short",
        "sk-1234",
        "sk-1234" * 6,
        "a" * 64,
        "changeme-changeme-changeme-changeme",
        "two words " * 5,
        "é" * 40,
    ],
)
def test_a_weak_admin_token_is_refused(config: Path, token: str) -> None:
    (config.parent / "admin.token").write_text(token)

    ran = started(config)

    assert ran.returncode == 2
    assert "[[admin.tokens]] first token" in ran.stderr
    assert not token or token not in ran.stderr


def test_a_secret_that_others_can_read_is_refused(config: Path) -> None:
    (config.parent / "admin.token").chmod(0o644)

    ran = started(config)

    assert (ran.returncode, "chmod 600" in ran.stderr) == (2, True)


def test_without_a_configuration_the_command_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "--init DIR" in capsys.readouterr().err


def test_a_port_in_use_is_the_operators_to_solve(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(config.read_text().replace("[listen]", f"[listen]\nport = {port}", 1))
        ran = started(config)

    assert ran.returncode == 2
    assert f"127.0.0.1:{port}: cannot listen" in ran.stderr


def test_a_ledger_has_one_gateway_at_a_time(config: Path) -> None:
    with running_gateway(config):
        ran = started(config)

    assert ran.returncode == 2
    assert "another process is using it" in ran.stderr


def test_a_first_configuration_works_at_once(tmp_path: Path) -> None:
    folder, key = tmp_path / "new", tmp_path / "provider.key"
    key.write_text("abc")
    key.chmod(0o600)
    init = [
        *COMMAND,
        "--init",
        str(folder),
        "--provider-url",
        "https://127.0.0.1:1/v1",
        "--provider-key-file",
        str(key),
    ]

    first = subprocess.run(init, capture_output=True, text=True, timeout=20, check=False)
    again = subprocess.run(init, capture_output=True, text=True, timeout=20, check=False)

    assert (first.returncode, first.stdout.strip()) == (0, str(folder / "gateway.toml"))
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    secret = {path.name for path in folder.iterdir() if stat.S_IMODE(path.stat().st_mode) == 0o600}
    assert secret == {"gateway.toml", "admin.token", "server.key"}
    token = (folder / "admin.token").read_text().strip()
    with running_gateway(folder / "gateway.toml") as gateway, gateway.admin(token) as admin:
        assert admin.get("/api/v1/keys").json() == {"data": []}


def test_the_listening_event_says_the_ports(gateway: RunningGateway) -> None:
    events = [json.loads(line) for line in (gateway.folder / "stdout").read_text().splitlines()]

    listening = next(event for event in events if event["event"] == "listening")
    assert listening == {"event": "listening", "port": gateway.port, "admin_port": gateway.admin_port}


def test_output_that_nobody_reads_holds_up_nothing(config: Path) -> None:
    read, write = os.pipe()
    ready, ready_end = os.pipe()
    command = [*COMMAND, str(config), "--ready-fd", str(ready_end)]
    with subprocess.Popen(command, stdout=write, pass_fds=(ready_end,)) as process:
        os.close(write)
        os.close(ready_end)
        with os.fdopen(ready, "rb") as line:
            told = json.loads(line.readline())
        gateway = RunningGateway(process, told["port"], told["admin_port"], config.parent)
        with gateway.client() as client:
            statuses = {client.get("/").status_code for _ in range(800)}
        status = gateway.stop()
    os.close(read)

    assert (statuses, status) == ({404}, 0)


def test_the_process_leaves_no_core_and_is_closed_to_its_neighbours(gateway: RunningGateway) -> None:
    limits = Path(f"/proc/{gateway.process.pid}/limits").read_text().splitlines()
    check = (
        "import ctypes, os; from reference_gateway.process import harden; harden();"
        "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), oct(os.umask(0)))"
    )

    ran = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, timeout=20, check=True
    )

    core = next(line for line in limits if line.startswith("Max core file size"))
    descriptors = next(line for line in limits if line.startswith("Max open files"))
    assert core.split()[4:6] == ["0", "0"]
    assert descriptors.split()[3] == descriptors.split()[4]
    assert ran.stdout.split() == ["0", "0o77"]


def test_the_files_of_the_ledger_are_the_owners_alone(gateway: RunningGateway, stub: StubProvider) -> None:
    assert stub.port
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in gateway.folder.glob("ledger*")}

    assert "ledger.sqlite3" in modes
    assert set(modes.values()) == {0o600}
