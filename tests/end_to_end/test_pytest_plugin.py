"""Every check as a pytest item: real pytest in a process of its own, on small servers that serve and promise little."""

import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from junitparser import JUnitXml

from conformance.witness.pki import make_authority
from tests.end_to_end.conftest import SECONDS

_TARGET = """
name = "small server"
environment = "test"
[gateway]
base_urls = ["https://localhost:{port}"]
ca_file = "tls/ca.pem"
cleartext_ports = []
[limits]
timeout = 5
"""

Pytest = Callable[..., "subprocess.CompletedProcess[str]"]


class _Bare(BaseHTTPRequestHandler):
    """Answers everything, without HSTS."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_PATCH = do_GET  # noqa: N815 - the library's names

    def log_message(self, *_: object) -> None:
        """Nothing is printed."""


class _Server(ThreadingHTTPServer):
    """Says nothing of handshakes that are broken off on purpose."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Path]:
    """A target file for a running server with TLS 1.3 alone, and no HSTS."""
    authority = make_authority(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(authority.certificate, authority.private_key)
    server = _Server(("127.0.0.1", 0), _Bare)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    path = tmp_path / "target.toml"
    path.write_text(_TARGET.format(port=server.server_port))
    try:
        yield path
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def run(tmp_path: Path) -> Pytest:
    """Run pytest in an empty folder, on the installed package."""

    def started(
        *arguments: str | Path, conftest: str = "", installed: bool = False
    ) -> "subprocess.CompletedProcess[str]":
        """As an installed plugin, or by name and without all others, which takes a fraction of the time."""
        named = ["-p", "conformance.pytest_plugin", "-p", "xdist"]
        alone = {} if installed else {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        folder = tmp_path / "elsewhere"
        folder.mkdir()
        (folder / "conftest.py").write_text(conftest)
        (folder / "pytest.ini").write_text("[pytest]\nxfail_strict = true\n")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "--gateproof-out",
            str(tmp_path / "runs"),
        ]
        command += [
            *([] if installed else named),
            *map(str, arguments),
            "--pyargs",
            "conformance",
            "--rootdir",
            ".",
            "-c",
            "pytest.ini",
        ]
        return subprocess.run(
            command,
            cwd=folder,
            env=os.environ | alone,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return started


def counts(done: "subprocess.CompletedProcess[str]") -> dict[str, int]:
    """What pytest counted, by its own words."""
    last = done.stdout.strip().splitlines()[-1]
    told = re.findall(r"(\d+) (\w+)", last.partition(" in ")[0])
    return {word: int(count) for count, word in told if word != "deselected"}


def test_each_check_is_an_item_with_its_claim_and_severity(target: Path, run: Pytest) -> None:
    done = run("--gateproof-target", target, "--collect-only", "-q", "-m", "T3 and not low", installed=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "catalogue.py::transport.hsts-on-every-answer" in done.stdout
    assert "transport.tls12-is-refused" not in done.stdout


def test_a_broken_promise_fails_with_what_was_expected_and_observed(target: Path, run: Pytest) -> None:
    done = run("--gateproof-target", target, "-m", "T3", "--junitxml", target.parent / "junit.xml")

    (suite,) = JUnitXml.fromfile(str(target.parent / "junit.xml"))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "expected: " in done.stdout
    assert "Traceback" not in done.stdout
    assert "gateproof: does not conform" in done.stdout
    assert suite.failures >= 1
    assert '<property name="claim" value="T3"' in (target.parent / "junit.xml").read_text()


def test_what_was_expected_to_fail_may_and_what_passes_unexpectedly_may_not(
    target: Path, run: Pytest
) -> None:
    marked = """
import pytest
def pytest_collection_modifyitems(items):
    for item in items:
        item.add_marker(pytest.mark.xfail(reason="known"))
"""
    done = run(
        "--gateproof-target", target, "-k", "hsts-on-every-answer or tls12-is-refused", conftest=marked
    )

    assert counts(done) == {"xfailed": 1, "failed": 1}, done.stdout
    assert "XPASS(strict)" in done.stdout


def test_what_cannot_be_decided_is_an_error_with_its_reason(target: Path, run: Pytest) -> None:
    target.write_text(_silent(target))

    done = run("--gateproof-target", target, "-k", "tls12-is-refused")

    assert counts(done) == {"error": 1}, done.stdout
    assert "to decide it: " in done.stdout
    assert "pytest_plugin.py" not in done.stdout


def test_a_flag_shows_what_cannot_be_decided_as_skipped_with_its_reason(target: Path, run: Pytest) -> None:
    target.write_text(_silent(target))

    done = run(
        "--gateproof-target", target, "-k", "tls12-is-refused", "--gateproof-allow-inconclusive", "-rs"
    )

    assert counts(done) == {"skipped": 1}, done.stdout
    assert "inconclusive: " in done.stdout


def test_workers_share_one_audit(target: Path, run: Pytest) -> None:
    done = run("--gateproof-target", target, "-m", "T1 or T3", "-n", "2")

    assert done.returncode == 1, done.stdout + done.stderr
    assert counts(done)["passed"] >= 3
    assert len([*(target.parent / "runs").glob("*/report.html")]) == 1


def test_a_target_file_that_is_wrong_is_the_operators_to_mend(target: Path, run: Pytest) -> None:
    target.write_text("name = 1")

    done = run("--gateproof-target", target, "-k", "tls12-is-refused")

    assert done.returncode != 0
    assert "target.toml:1: 'name': Expected `str`" in done.stdout
    assert "Traceback" not in done.stdout


def test_without_a_target_nothing_is_collected(run: Pytest) -> None:
    assert run().returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def _silent(target: Path) -> str:
    """The same target at a port where nobody listens."""
    return re.sub(r"localhost:\d+", "localhost:1", target.read_text())
