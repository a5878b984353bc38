"""Sealing: what may leave of a run is searched once more, gathered, hashed, signed and, where asked, timestamped."""

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import msgspec

from conformance.canary.mint import Mint
from conformance.evidence.bundle import dsse, manifest
from conformance.evidence.bundle.chain import Chain
from conformance.evidence.bundle.leaks import Leak, leaks
from conformance.evidence.bundle.signing import Signer, keyid
from conformance.evidence.bundle.statement import stated
from conformance.evidence.bundle.timestamp import Stamper
from conformance.evidence.folder import RunFolder
from conformance.evidence.writing import recording
from conformance.model.results import Results

STATEMENT, PUBLIC, TOKEN, AUTHORITIES = "statement.dsse.json", "signer.pem", "signature.tsr", "tsa-ca.pem"
RESULTS = "results.json"


class Leaking(Exception):
    """Something secret would have left with the bundle; nothing was sealed."""

    def __init__(self, found: tuple[Leak, ...]) -> None:
        super().__init__(f"{len(found)} secrets or canaries stand in what was to be sealed")
        self.leaks = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a bundle is made of: a run, its results, and renderings of them by file name."""

    folder: RunFolder
    results: Results
    renderings: Mapping[str, bytes]
    configuration: Mapping[str, str]  # what the run was made with: name → SHA-256


def seal(
    content: Content,
    out: Path,
    *,
    signer: Signer,
    chain: Chain,
    mint: Mint,
    secrets: Mapping[str, str],
    stamper: Stamper | None = None,
) -> Path:
    """Write the bundle of a run below `out` and return its folder, visible only once it is whole.

    `mint` and `secrets` say what must not be in it: raises Leaking. Raises CannotRecord, CannotSign, CannotStamp.
    """
    files = _files(content, chain)
    if found := leaks(files, mint, secrets):
        raise Leaking(found)
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    sums = manifest.write(digests)
    vouching = _vouching(content, sums, digests, signer, stamper)
    place = out / f"{content.folder.path.name}.bundle"
    _write(place, {**files, manifest.NAME: sums, **vouching})
    chain.sealed(hashlib.sha256(sums).hexdigest())
    return place


def _files(content: Content, chain: Chain) -> dict[str, bytes]:
    """Everything that the manifest names, by relative path."""
    evidence = sorted(content.folder.evidence.glob("*.json"))
    files = {f"evidence/{path.name}": path.read_bytes() for path in evidence}
    files[RESULTS] = (content.folder.path / RESULTS).read_bytes()
    files |= content.renderings
    files["chain.json"] = msgspec.json.format(msgspec.json.encode(chain.link()), indent=1) + b"\n"
    for name in ("README.txt", "verify.sh"):
        files[name] = resources.files(__package__).joinpath(name).read_bytes()
    return files


def _vouching(
    content: Content, sums: bytes, digests: Mapping[str, str], signer: Signer, stamper: Stamper | None
) -> dict[str, bytes]:
    """The files that vouch for the manifest, by relative path."""
    subjects = {manifest.NAME: hashlib.sha256(sums).hexdigest(), RESULTS: digests[RESULTS]}
    payload = stated(content.results, subjects, content.configuration)
    signature = signer.sign(dsse.pae(payload))
    found = {
        STATEMENT: dsse.written(payload, signature, keyid(signer.public)),
        PUBLIC: signer.public,
    }
    if stamper is not None:
        found[TOKEN] = stamper.stamp(signature)
        found[AUTHORITIES] = stamper.authorities.read_bytes()
    return {f"{manifest.ATTEST}/{name}": data for name, data in found.items()}


def _write(place: Path, files: Mapping[str, bytes]) -> None:
    """First whole, then visible. A bundle of the same run is replaced."""
    partial = place.with_name(f"{place.name}.partial")
    with recording(place):
        shutil.rmtree(partial, ignore_errors=True)
        for name, data in files.items():
            path = partial / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(data)
                os.fchmod(file.fileno(), 0o755 if name.endswith(".sh") else 0o644)
                file.flush()
                os.fsync(file.fileno())
        shutil.rmtree(place, ignore_errors=True)
        partial.replace(place)
