"""A finished run, made by hand, with everything that sealing asks for; and its bundle."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec

from conformance.audit import reassess
from conformance.canary.mint import Mint
from conformance.evidence.bundle.chain import Chain
from conformance.evidence.bundle.seal import Content, seal
from conformance.evidence.bundle.signing import KeySigner, Signer
from conformance.evidence.bundle.timestamp import Stamper
from conformance.evidence.folder import RunFolder
from conformance.model.evidence import Unobserved
from conformance.model.keys import Rotation
from conformance.model.scale import Fault
from conformance.target import Credentials, Gateway, Secret, Target
from conformance.target_file import as_document
from reports.html import render
from tests.core import made

SECRET = "rk-live-4f9c2b7d1e8a6053"
ADMIN = "admin-7d0c1b2a3948576655"
UNSEEN = Unobserved(reason="it timed out", fault=Fault.NETWORK, decide="try again")


@dataclass(frozen=True, slots=True)
class Finished:
    """A run, and what must not leave of it."""

    folder: RunFolder
    mint: Mint
    atom: str  # one of its canaries

    def content(self, renderings: Mapping[str, bytes] | None = None) -> Content:
        """What a bundle of it is made of."""
        results = reassess(self.folder)
        return Content(
            folder=self.folder,
            results=results,
            renderings=renderings or {"report.html": render(results).encode()},
            configuration={"gateproof": "0" * 64},
        )

    def sealed(
        self,
        out: Path,
        signer: Signer,
        *,
        stamper: Stamper | None = None,
        renderings: Mapping[str, bytes] | None = None,
    ) -> Path:
        """Its bundle below `out`."""
        content = self.content(renderings)
        return seal(
            content,
            out,
            signer=signer,
            chain=Chain(self.folder.path.parent, content.results.target.name),
            mint=self.mint,
            secrets={"the secret of key 'k1'": SECRET},
            stamper=stamper,
        )


def finished(runs: Path, run: str = "abcd1234", hour: int = 12) -> Finished:
    """A run that saw one thing and could not see another, with its private half."""
    folder = RunFolder.create(runs, run, datetime(2026, 11, 24, hour, tzinfo=UTC))
    folder.write("Declared", made.declared())
    folder.write("Rotation", Rotation(absent="there is none"))
    folder.write("Revocation", UNSEEN)
    folder.finish(made.record())
    mint = Mint(hashlib.sha256(run.encode()).digest())
    atom = mint.atom("success", "user")
    folder.keep_private("run.key", hashlib.sha256(run.encode()).digest())
    folder.keep_private("issued.json", msgspec.json.encode(tuple(mint.issued.values())))
    folder.keep_private("secrets.json", msgspec.json.encode([{"name": "k1", "secret": SECRET}]))
    _keep_target(folder, runs.parent)
    reassess(folder)
    return Finished(folder, mint, atom)


def _keep_target(folder: RunFolder, base: Path) -> None:
    (base / "admin.key").write_text(ADMIN)
    target = Target(
        name="t",
        environment="test",
        gateway=Gateway(base_urls=("https://localhost:8443",)),
        credentials=Credentials(admin=Secret(file="admin.key")),
    )
    recorded = {"file": str(base / "target.toml"), "target": as_document(target)}
    folder.keep_private("target.json", msgspec.json.encode(recorded))


def new_key() -> KeySigner:
    """A signer with a key that nobody has seen before."""
    return KeySigner(ec.generate_private_key(ec.SECP256R1()))
