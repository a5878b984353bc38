"""Timestamps, with an authority of openssl's own on loopback."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from conformance.evidence.bundle.manifest import Tampered
from conformance.evidence.bundle.signing import KeySigner
from conformance.evidence.bundle.timestamp import CannotStamp, Stamper, verify
from conformance.evidence.bundle.verify import verify as verify_bundle
from tests.evidence.bundle.sealing import finished
from tests.evidence.bundle.test_manipulations import by_shell

_CONFIG = """
[tsa]
default_tsa = own
[own]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""
_EXTENSIONS = "extendedKeyUsage=critical,timeStamping"


@dataclass(frozen=True, slots=True)
class Authority:
    """A running timestamp authority: its URL, its folder, its CA."""

    url: str
    folder: Path

    @property
    def ca(self) -> Path:
        """The certificate that its tokens lead to."""
        return self.folder / "ca.pem"


def openssl(folder: Path, *arguments: str) -> None:
    """Run openssl in a folder, to a good end."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)


def certified(folder: Path) -> None:
    """A CA and a certificate for timestamps by it."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        folder, "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "9"
    )
    openssl(folder, "req", *key, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa")
    (folder / "extensions").write_text(_EXTENSIONS)
    openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-out", "tsa.pem", "-days", "9", "-extfile", "extensions",
    )  # fmt: skip
    (folder / "tsa.cnf").write_text(_CONFIG)
    (folder / "serial").write_text("01\n")


def serving(folder: Path, answer: Callable[[bytes], tuple[int, str, bytes]]) -> Iterator[Authority]:
    """An HTTP server on loopback that answers POSTs so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["content-length"]))
            status, kind, body = answer(asked)
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Authority(f"http://127.0.0.1:{server.server_port}/", folder)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Authority]:
    """An authority that stamps."""
    folder = tmp_path / "tsa"
    folder.mkdir()
    certified(folder)

    def stamped(asked: bytes) -> tuple[int, str, bytes]:
        (folder / "asked.tsq").write_bytes(asked)
        openssl(folder, "ts", "-reply", "-config", "tsa.cnf", "-queryfile", "asked.tsq", "-out", "reply.tsr")
        return 200, "application/timestamp-reply", (folder / "reply.tsr").read_bytes()

    yield from serving(folder, stamped)


def test_a_stamped_bundle_says_when_it_was_there(
    authority: Authority, tmp_path: Path, signer: KeySigner, public: Path
) -> None:
    stamper = Stamper(authority.url, authority.ca)
    bundle = finished(tmp_path / "runs").sealed(tmp_path / "out", signer, stamper=stamper)

    found = verify_bundle(bundle, key=signer.public, authorities=authority.ca)

    assert found.stamped is not None
    assert abs(datetime.now(UTC) - found.stamped) < timedelta(minutes=5)
    assert found.stamp_trusted
    assert not verify_bundle(bundle, key=signer.public).stamp_trusted
    shell = by_shell(bundle, public, authority.ca)
    assert shell.returncode == 0, shell.stderr
    assert "timestamp:" in shell.stdout


def test_the_token_of_another_signature_is_found_out(
    authority: Authority, tmp_path: Path, signer: KeySigner, public: Path
) -> None:
    stamper = Stamper(authority.url, authority.ca)
    bundle = finished(tmp_path / "runs").sealed(tmp_path / "out", signer, stamper=stamper)
    (bundle / "attest" / "signature.tsr").write_bytes(stamper.stamp(b"something else"))

    with pytest.raises(Tampered, match="timestamp is not one of this signature"):
        verify_bundle(bundle, key=signer.public, authorities=authority.ca)
    assert by_shell(bundle, public, authority.ca).returncode == 1


def test_a_token_that_was_taken_out_is_missed_by_who_expects_one(
    authority: Authority, bundle: Path, public: Path, signer: KeySigner
) -> None:
    with pytest.raises(Tampered, match="no timestamp"):
        verify_bundle(bundle, key=signer.public, authorities=authority.ca)
    assert by_shell(bundle, public, authority.ca).returncode == 1


def test_an_authority_of_another_name_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    certified(other)
    token = tmp_path / "token.tsr"
    token.write_bytes(Stamper(authority.url, authority.ca).stamp(b"signature"))

    with pytest.raises(Tampered):
        verify(token, b"signature", other / "ca.pem")


def test_a_token_outlives_its_authoritys_certificate(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token.tsr"
    token.write_bytes(Stamper(authority.url, authority.ca).stamp(b"signature"))
    asked: list[list[str]] = []
    run = subprocess.run

    def watched(command: list[str], **more: object) -> object:
        asked.append(command)
        return run(command, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "run", watched)
    moment = verify(token, b"signature", authority.ca)

    assert ["-attime", str(int(moment.timestamp()))] == asked[-1][-2:]


def test_what_is_no_token_is_said_to_be_none(tmp_path: Path) -> None:
    token = tmp_path / "token.tsr"
    token.write_bytes(b"nothing")

    with pytest.raises(Tampered, match="cannot be read"):
        verify(token, b"signature", token)


@pytest.mark.parametrize(
    ("status", "kind", "complaint"),
    [
        (500, "text/html", "answered 500"),
        (200, "text/html", "not with a timestamp"),
        (200, "application/timestamp-reply", "does not hold"),
    ],
)
def test_an_authority_that_gives_no_token_is_named(
    status: int, kind: str, complaint: str, authority: Authority, tmp_path: Path
) -> None:
    for broken in serving(tmp_path, lambda _asked: (status, kind, b"x")):
        with pytest.raises(CannotStamp, match=complaint):
            Stamper(broken.url, authority.ca).stamp(b"signature")


def test_an_authority_that_is_not_there_is_named(authority: Authority) -> None:
    with pytest.raises(CannotStamp, match="cannot be reached"):
        Stamper("http://127.0.0.1:9/", authority.ca).stamp(b"signature")
