"""What a responder says of a certificate, over real HTTP: believed only where it is signed, current and about it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from conformance.checks.transport.authorities import standing_norms
from conformance.checks.transport.certificate import certificate_is_trusted
from conformance.model.certificate_standing import CertificateStandings
from conformance.model.transport import Attempt, Handshake, Outcome, Place, PlaceTrial, TlsVersions, Version
from conformance.model.verdict import Fail, Pass
from conformance.probes.tls.certificates import described
from conformance.probes.tls.standing import standings_of
from tests.transport.sessions import NO_FACTS

NOW = datetime.now(UTC).replace(microsecond=0)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


class Made(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Key


def _made(name: str, by: Made | None = None, *more: x509.ExtensionType, key: Key | None = None) -> Made:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=by.certificate.subject if by else subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=NOW - timedelta(days=1),
        not_valid_after=NOW + timedelta(days=30),
    )
    for extension in more:
        builder = builder.add_extension(extension, critical=False)
    signer = by.key if by else key
    return Made(
        builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else SHA256()), key
    )


def _leaf(authority: Made, url: str) -> Made:
    where = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(url))
    return _made("localhost", authority, x509.AuthorityInformationAccess([where]))


def _answer(
    leaf: Made,
    authority: Made,
    signer: Made | None = None,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    age: timedelta = timedelta(hours=1),
) -> bytes:
    """A response whose signer, if not the authority, sends its certificate along."""
    revoked = NOW - timedelta(days=2) if status is ocsp.OCSPCertStatus.REVOKED else None
    by = signer or authority
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=leaf.certificate,
            issuer=authority.certificate,
            algorithm=SHA1(),  # noqa: S303 - as responders name certificates (RFC 5019, 2.1.1)
            cert_status=status,
            this_update=NOW - age,
            next_update=NOW - age + timedelta(days=1),
            revocation_time=revoked,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate)
    )
    if signer:
        builder = builder.certificates([signer.certificate])
    return builder.sign(
        by.key, None if isinstance(by.key, ed25519.Ed25519PrivateKey) else SHA256()
    ).public_bytes(Encoding.DER)


@contextmanager
def _responder(answer: Callable[[bytes], tuple[int, bytes]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = answer(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Tests are quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            serving.join()


def _asked(authority: Made, respond: Callable[[Made], tuple[int, bytes]]) -> CertificateStandings:
    """What is seen of a leaf of an authority whose responder answers so."""
    leaves: list[Made] = []

    def answer(question: bytes) -> tuple[int, bytes]:
        assert ocsp.load_der_ocsp_request(question).serial_number == leaves[0].certificate.serial_number
        return respond(leaves[0])

    with _responder(answer) as url:
        leaves.append(_leaf(authority, url))
        both = [described(one.certificate.public_bytes(Encoding.DER)) for one in (leaves[0], authority)]
        return asyncio.run(standings_of([tuple(one for one in both if one)], NOW))


KEYS: dict[str, Callable[[], Key]] = {
    "ECDSA": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RSA": lambda: rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
}


@pytest.mark.parametrize("kind", KEYS)
def test_the_word_of_the_authority_is_believed(kind: str) -> None:
    authority = _made("authority", key=KEYS[kind]())

    seen = _asked(authority, lambda leaf: (200, _answer(leaf, authority)))

    assert [(one.status, one.trouble) for one in seen.standings] == [("good", "")]
    assert [norm.verdict for norm in standing_norms(seen)] == ["met"]


def test_a_responder_that_the_authority_made_one_is_believed() -> None:
    authority = _made("authority")
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING])
    responder = _made("responder", authority, usage)

    seen = _asked(authority, lambda leaf: (200, _answer(leaf, authority, responder)))

    assert [one.status for one in seen.standings] == ["good"]


AUTHORITY, STRANGER = _made("authority"), _made("stranger")
NOT_BELIEVED: dict[str, tuple[Callable[[Made], tuple[int, bytes]], str]] = {
    "a stranger": (lambda leaf: (200, _answer(leaf, AUTHORITY, STRANGER)), "signed by nobody who may"),
    "one of the authority's that is no responder": (
        lambda leaf: (200, _answer(leaf, AUTHORITY, _made("other", AUTHORITY))),
        "signed by nobody who may",
    ),
    "of last week": (
        lambda leaf: (200, _answer(leaf, AUTHORITY, age=timedelta(days=7))),
        "not of this time",
    ),
    "of tomorrow": (lambda leaf: (200, _answer(leaf, AUTHORITY, age=timedelta(days=-1))), "not of this time"),
    "about another": (
        lambda leaf: (200, _answer(_made("localhost", AUTHORITY), AUTHORITY)),
        "about another certificate",
    ),
    "an error": (lambda leaf: (500, b""), "answered 500"),
    "no OCSP": (lambda leaf: (200, b"<html>"), "error parsing"),
    "try later": (
        lambda leaf: (
            200,
            ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
                Encoding.DER
            ),
        ),
        "says try_later",
    ),
    "without end": (lambda leaf: (200, bytes(1 << 17)), "more than an OCSP response is long"),
}


@pytest.mark.parametrize("name", NOT_BELIEVED)
def test_what_does_not_hold_is_no_answer(name: str) -> None:
    respond, why = NOT_BELIEVED[name]

    (standing,) = _asked(AUTHORITY, respond).standings

    assert standing.status == ""
    assert why in standing.trouble


def test_nobody_is_asked_about_what_names_no_responder() -> None:
    leaf = described(_made("localhost", AUTHORITY).certificate.public_bytes(Encoding.DER))
    assert leaf is not None

    seen = asyncio.run(standings_of([(leaf, leaf), (leaf, leaf)], NOW))

    assert (seen.standings, seen.silent, seen.seen()) == ((), 1, 0)


@pytest.mark.parametrize(
    ("status", "verdict"), [(ocsp.OCSPCertStatus.REVOKED, Fail), (ocsp.OCSPCertStatus.GOOD, Pass)]
)
def test_a_certificate_that_was_revoked_is_not_trusted(status: ocsp.OCSPCertStatus, verdict: type) -> None:
    place = Place(host="localhost", address="127.0.0.1", port=443, sni="localhost", kind="right")
    shake = Handshake(place=place, verified=True, not_after="2027-01-01T00:00:00+00:00")
    hello = Attempt(offered=Version.TLS13, outcome=Outcome.SERVER_HELLO, version=Version.TLS13, complete=True)
    trial = PlaceTrial(place=place, attempts=(hello,), hellos={})
    versions = TlsVersions(seed=0, vantage="", trials=(trial,), handshakes=(shake,))
    seen = _asked(AUTHORITY, lambda leaf: (200, _answer(leaf, AUTHORITY, status=status)))

    assert isinstance(certificate_is_trusted(versions, NO_FACTS, seen, NO_FACTS), verdict)
