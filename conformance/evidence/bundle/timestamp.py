"""Timestamps by RFC 3161: an authority that the signer does not run says when the signature was there.

Requests and tokens are made and verified by `openssl ts`, the very tool that an auditor uses on them.
"""

import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from conformance.evidence.bundle.manifest import Tampered

_SECONDS = 30.0
_MOST = 1 << 20  # bytes of a token with its certificates
_TIME = re.compile(r"^Time stamp: (.+?)(?:\.\d+)? GMT$", re.MULTILINE)
_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"  # RFC 3161, 3.4


class CannotStamp(Exception):
    """The authority gave no token that holds; the message says whose fault that is."""


@dataclass(frozen=True, slots=True)
class Stamper:
    """An authority by its URL, and the certificates (PEM) that its tokens must lead to."""

    url: str
    authorities: Path

    def stamp(self, signature: bytes) -> bytes:
        """The token for a signature. Raises CannotStamp."""
        with tempfile.TemporaryDirectory(prefix="gateproof-stamp-") as folder:
            place = Path(folder)
            signed, query, token = place / "signature", place / "query.tsq", place / "signature.tsr"
            signed.write_bytes(signature)
            made = _openssl("ts", "-query", "-data", signed, "-sha256", "-cert", "-out", query)
            if made.returncode:
                raise CannotStamp(f"openssl made no timestamp request: {_last(made)}")
            token.write_bytes(self._asked(query.read_bytes()))
            checked = _openssl(
                "ts", "-verify", "-queryfile", query, "-in", token, "-CAfile", self.authorities
            )
            if checked.returncode:
                raise CannotStamp(f"the token of {self.url} does not hold: {_last(checked)}")
            return token.read_bytes()

    def _asked(self, query: bytes) -> bytes:
        try:
            answer = httpx.post(
                self.url, content=query, headers={"content-type": _QUERY}, timeout=_SECONDS, trust_env=False
            )
        except (httpx.TransportError, httpx.InvalidURL) as trouble:
            raise CannotStamp(
                f"the timestamp authority {self.url} cannot be reached: {type(trouble).__name__}"
            ) from None
        kind = answer.headers.get("content-type", "").partition(";")[0].strip()
        if answer.status_code != 200 or kind != _REPLY or len(answer.content) > _MOST:
            raise CannotStamp(
                f"{self.url} answered {answer.status_code} with '{kind}', not with a timestamp (RFC 3161, 3.4)"
            )
        return answer.content


def stamped_at(token: Path) -> datetime:
    """When a token says that it was made. Raises Tampered where it says nothing of the kind."""
    shown = _openssl("ts", "-reply", "-in", token, "-text")
    said = _TIME.search(shown.stdout.decode(errors="replace"))
    if shown.returncode or said is None:
        raise Tampered("the timestamp cannot be read")
    try:
        return datetime.strptime(said[1], "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)
    except ValueError:
        raise Tampered("the timestamp's time cannot be read") from None


def verify(token: Path, signature: bytes, authorities: Path) -> datetime:
    """When the signature was there, by a token that holds. Raises Tampered.

    The authority's certificate is judged as of the token's own time: tokens outlive it (RFC 3161, 4.1).
    """
    moment = stamped_at(token)
    with tempfile.NamedTemporaryFile(prefix="gateproof-signature-") as file:
        file.write(signature)
        file.flush()
        checked = _openssl(
            "ts",
            "-verify",
            "-data",
            file.name,
            "-in",
            token,
            "-CAfile",
            authorities,
            "-attime",
            str(int(moment.timestamp())),
        )
    if checked.returncode:
        raise Tampered(f"the timestamp is not one of this signature by that authority: {_last(checked)}")
    return moment


def _openssl(*arguments: object) -> "subprocess.CompletedProcess[bytes]":
    run: Callable[..., subprocess.CompletedProcess[bytes]] = subprocess.run
    try:
        return run(["openssl", *map(str, arguments)], capture_output=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as trouble:
        raise CannotStamp(
            f"openssl, which reads timestamps, could not be run: {type(trouble).__name__}"
        ) from None


def _last(done: "subprocess.CompletedProcess[bytes]") -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1][:200] if lines else f"status {done.returncode}"
