"""Sealing: what leaves, by whose key, and what stops it."""

import base64
import gzip
import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from conformance.evidence.bundle.seal import Leaking
from conformance.evidence.bundle.signing import (
    CannotSign,
    CommandSigner,
    KeySigner,
    from_pem,
    key_file,
    own_key,
    private_pem,
)
from conformance.evidence.bundle.verify import verify
from tests.end_to_end.conftest import Command
from tests.end_to_end.conftest import gateproof as gateproof  # noqa: PLC0414 - the fixture
from tests.evidence.bundle.sealing import ADMIN, SECRET, finished


def test_nothing_of_the_private_half_is_in_a_bundle(sealed_once: Path) -> None:
    names = {str(path.relative_to(sealed_once)) for path in sealed_once.rglob("*") if path.is_file()}

    assert not any("private" in name or name.endswith(".key") for name in names)
    assert {"results.json", "report.html", "SHA256SUMS", "evidence/run.json", "verify.sh"} <= names


@pytest.mark.parametrize(
    ("how", "hide"),
    [
        ("in clear", lambda text: text.encode()),
        ("in base64", lambda text: base64.b64encode(b"xx" + text.encode())),
        ("in hex", lambda text: text.encode().hex().encode()),
        ("compressed", lambda text: gzip.compress(text.encode() * 3)),
        ("in UTF-16", lambda text: text.encode("utf-16-le")),
    ],
)
@pytest.mark.parametrize("what", ["a key", "a canary"])
def test_a_secret_in_what_is_to_be_sealed_stops_the_seal(
    what: str, how: str, hide: Callable[[str], bytes], tmp_path: Path, signer: KeySigner
) -> None:
    run = finished(tmp_path / "runs")
    secret = {"a key": SECRET, "a canary": run.atom}[what]
    spoilt = b"<p>" + hide(secret) + b"</p>"

    with pytest.raises(Leaking) as stopped:
        run.sealed(tmp_path / "out", signer, renderings={"report.html": spoilt})

    assert {leak.file for leak in stopped.value.leaks} == {"report.html"}
    assert not (tmp_path / "out").exists()
    assert secret not in str(stopped.value.leaks)


def test_bundles_of_one_target_name_their_forerunner_and_the_runs_in_between(
    tmp_path: Path, signer: KeySigner
) -> None:
    runs = tmp_path / "runs"
    first = finished(runs, "aaaa0001", hour=8).sealed(tmp_path / "out", signer)
    finished(runs, "aaaa0002", hour=9)
    second = finished(runs, "aaaa0003", hour=10).sealed(tmp_path / "out", signer)

    one, two = (json.loads((bundle / "chain.json").read_text()) for bundle in (first, second))

    assert (one["number"], one["forerunner"]) == (1, "")
    assert two["number"] == 2
    assert two["forerunner"] == hashlib.sha256((first / "SHA256SUMS").read_bytes()).hexdigest()
    assert [run["run"][-8:] for run in two["runs"]] == ["aaaa0002", "aaaa0003"]
    assert {run["ended"] for run in two["runs"]} == {"exit code 3"}


def test_a_bundle_of_the_same_run_replaces_the_former(tmp_path: Path, signer: KeySigner) -> None:
    run = finished(tmp_path / "runs")
    first = run.sealed(tmp_path / "out", signer)
    (first / "stray").write_text("x")

    second = run.sealed(tmp_path / "out", signer)

    assert second == first
    assert verify(second, key=signer.public).trusted


def test_a_key_of_ones_own_is_made_once_and_is_readable_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "config" / "signing-key.pem"

    first, second = own_key(path), own_key(path)

    assert first.public == second.public
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_command_signs_and_the_key_stays_where_it_is(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
    public = key_file(key).public
    signer = CommandSigner(("openssl", "dgst", "-sha256", "-sign", str(key)), public)

    bundle = finished(tmp_path / "runs").sealed(tmp_path / "out", signer)

    assert verify(bundle, key=public).trusted


@pytest.mark.parametrize(
    ("program", "complaint"),
    [
        ("import sys; sys.exit(3)", "ended with status 3"),
        ("print('no signature')", "no signature by the key"),
    ],
)
def test_a_command_that_does_not_sign_is_the_operators_to_mend(program: str, complaint: str) -> None:
    public = KeySigner(ec.generate_private_key(ec.SECP256R1())).public

    with pytest.raises(CannotSign, match=complaint):
        CommandSigner((sys.executable, "-c", program), public).sign(b"message")


def test_a_command_that_is_not_there_is_the_operators_to_mend() -> None:
    public = KeySigner(ec.generate_private_key(ec.SECP256R1())).public

    with pytest.raises(CannotSign, match="could not be run"):
        CommandSigner(("/no/such/command",), public).sign(b"message")


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes = b"") -> bytes:
    """A private key in PEM."""
    guard = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, guard)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"nothing", "holds no private key"),
        (pem(rsa.generate_private_key(65537, 2048)), "must be ECDSA on P-256"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "must be ECDSA on P-256"),
        (pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "has a passphrase"),
    ],
    ids=["no key", "RSA", "P-384", "passphrase"],
)
def test_a_key_that_openssl_dgst_would_not_verify_alike_is_refused(data: bytes, complaint: str) -> None:
    with pytest.raises(CannotSign, match=complaint):
        from_pem(data, "the file")


def test_the_commands_seal_and_verify(tmp_path: Path, gateproof: Command) -> None:
    run = finished(tmp_path / "runs").folder.path
    key = tmp_path / "key.pem"
    key.write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))
    public = tmp_path / "public.pem"
    public.write_bytes(key_file(key).public)

    sealed = gateproof("seal", run, "--key", key)
    bundle = Path(sealed.stdout.splitlines()[-1])
    verified = gateproof("verify", bundle, "--key", public)
    (bundle / "report.html").write_text("changed")
    tampered = gateproof("verify", bundle, "--key", public)

    assert sealed.returncode == 0, sealed.stderr
    assert verified.returncode == 0, verified.stderr
    assert "as they were sealed" in verified.stdout
    assert tampered.returncode == 1
    assert "report.html is not what was sealed" in tampered.stderr


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--key-env", "NO_SUCH_VARIABLE", "NO_SUCH_VARIABLE holds no private key"),
        ("--key", "none.pem", "none.pem cannot be read"),
        ("--sign-command", "sign", "needs `--public-key`"),
    ],
)
def test_a_key_that_is_not_there_is_the_operators_to_mend(
    option: str, value: str, complaint: str, tmp_path: Path, gateproof: Command
) -> None:
    done = gateproof("seal", finished(tmp_path / "runs").folder.path, option, value)

    assert done.returncode == 2
    assert complaint in done.stderr


def test_a_leak_is_named_and_nothing_is_sealed(tmp_path: Path, gateproof: Command) -> None:
    run = finished(tmp_path / "runs").folder
    path = run.evidence / "Rotation.json"
    path.write_text(path.read_text().replace("there is none", f"there is {ADMIN[::-1]}"))
    gateproof("judge", run.path)
    key = tmp_path / "key.pem"
    key.write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))

    sealed = gateproof("seal", run.path, "--key", key)

    assert sealed.returncode == 4
    assert "the admin credential stands in evidence/Rotation.json" in sealed.stderr
    assert "reversed" in sealed.stderr
    assert ADMIN not in sealed.stderr
    assert not list(tmp_path.rglob("*.bundle"))


def test_a_run_that_was_forgotten_is_not_sealed(tmp_path: Path, gateproof: Command) -> None:
    run = finished(tmp_path / "runs").folder
    run.forget()
    key = tmp_path / "key.pem"
    key.write_bytes(private_pem(ec.generate_private_key(ec.SECP256R1())))

    sealed = gateproof("seal", run.path, "--key", key)

    assert sealed.returncode == 2
    assert "seal before `forget`" in sealed.stderr
