"""Verifying a bundle: everything that a stranger must believe is recomputed, and the first thing that does not fit is named."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from conformance.evidence.bundle import dsse, timestamp
from conformance.evidence.bundle.files import digest, small, tree
from conformance.evidence.bundle.manifest import ATTEST, NAME, Tampered, read
from conformance.evidence.bundle.seal import AUTHORITIES, PUBLIC, RESULTS, STATEMENT, TOKEN
from conformance.evidence.bundle.signing import CannotSign, is_signed, keyid, public_key
from conformance.evidence.bundle.statement import contradictions, subjects
from conformance.evidence.bundle.statement import read as read_statement
from conformance.model.results import Results

_ATTESTING = {f"{ATTEST}/{name}" for name in (STATEMENT, PUBLIC, TOKEN, AUTHORITIES)}

Advance = Callable[[int], None]  # so many more bytes were hashed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What holds: how much was hashed, by whose key it was signed, and when it was there at the latest."""

    files: int
    bytes: int
    keyid: str
    trusted: bool  # the key was given by who verifies; else it came with the bundle and proves no identity
    stamped: datetime | None
    stamp_trusted: bool
    sentence: str  # what the run says of itself


def verify(
    bundle: Path,
    *,
    key: bytes | None = None,
    authorities: Path | None = None,
    advance: Advance = lambda _count: None,
) -> Verified:
    """Verify a bundle, by the signer's public key (PEM) and the timestamp authority's certificates where they are known.

    Raises Tampered for the first thing that is not as it was sealed, CannotSign where the given key is none.
    """
    if bundle.is_symlink() or not bundle.is_dir():
        raise Tampered(f"{bundle} is not a folder")
    found = tree(bundle)
    if not found:
        raise Tampered(f"{bundle} is empty: there is nothing to verify")
    sums = _named(found, NAME)
    listed = read(sums)
    _same_files(listed, found)
    payload, signature, name = dsse.opened(_named(found, f"{ATTEST}/{STATEMENT}"))
    public = _public(found, key)
    if name != keyid(public) or not is_signed(public, dsse.pae(payload), signature):
        raise Tampered(
            "the signature is not by " + ("the key that was given" if key else f"{ATTEST}/{PUBLIC}")
        )
    statement = read_statement(payload)
    _same_digest(NAME, digest(found[NAME]), subjects(statement)[NAME])
    for path, expected in listed.items():
        _same_digest(path, digest(found[path]), expected)
        advance(found[path].stat().st_size)
    _vouched(subjects(statement), listed)
    results = _results(found, listed)
    if wrong := contradictions(statement, results):
        raise Tampered(wrong[0])
    stamped = _stamped(found, signature, authorities)
    return Verified(
        files=len(listed),
        bytes=sum(found[path].stat().st_size for path in listed),
        keyid=name,
        trusted=key is not None,
        stamped=stamped,
        stamp_trusted=stamped is not None and authorities is not None,
        sentence=results.gate.sentence,
    )


def _named(found: dict[str, Path], name: str) -> bytes:
    if name not in found:
        raise Tampered(f"there is no {name}: this is not a bundle, or it was taken out")
    return small(found[name], name)


def _same_files(listed: dict[str, str], found: dict[str, Path]) -> None:
    """No file more and none less than the manifest names."""
    there = found.keys() - _ATTESTING - {NAME}
    if missing := sorted(listed.keys() - there):
        raise Tampered(f"{missing[0]} is missing ({len(missing)} of {len(listed)} files are)")
    if added := sorted(there - listed.keys()):
        raise Tampered(f"{added[0]!r} was added: {NAME} does not name it")


def _public(found: dict[str, Path], key: bytes | None) -> bytes:
    if key is not None:
        return public_key(key, "what was given as the signer's key")
    try:
        return public_key(_named(found, f"{ATTEST}/{PUBLIC}"), f"{ATTEST}/{PUBLIC}")
    except CannotSign as trouble:
        raise Tampered(str(trouble)) from None


def _same_digest(name: str, is_now: str, sealed: str) -> None:
    if is_now != sealed:
        raise Tampered(f"{name} is not what was sealed: its SHA-256 is {is_now[:16]}…, not {sealed[:16]}…")


def _vouched(vouched: dict[str, str], listed: dict[str, str]) -> None:
    for name, expected in vouched.items():
        if name != NAME and listed.get(name) != expected:
            raise Tampered(f"the statement vouches for another {name} than {NAME} does")


def _results(found: dict[str, Path], listed: dict[str, str]) -> Results:
    """The results, each of whose references is to evidence that is here."""
    try:
        results = msgspec.json.decode(_named(found, RESULTS), type=Results)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Tampered(f"{RESULTS} is not of this version; verify with the version that sealed it") from None
    for check in results.checks:
        for reference in check.evidence:
            if listed.get(reference.path) != reference.sha256:
                raise Tampered(f"{check.id} cites another {reference.path} than the one that is here")
    return results


def _stamped(found: dict[str, Path], signature: bytes, authorities: Path | None) -> datetime | None:
    token = found.get(f"{ATTEST}/{TOKEN}")
    if token is None:
        if authorities is not None:
            raise Tampered("authorities were given, but the bundle has no timestamp")
        return None
    trusted = authorities or found.get(f"{ATTEST}/{AUTHORITIES}")
    if trusted is None:
        raise Tampered("there is a timestamp, and nothing that says whose")
    return timestamp.verify(token, signature, trusted)
