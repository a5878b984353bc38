"""`gateproof seal`: make of a run the bundle that an auditor can verify without us."""

import argparse
import hashlib
import os
import shlex
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec

from conformance.canary.mint import Issued, Mint
from conformance.commands.recorded import recorded_results, recorded_target
from conformance.evidence.bundle.chain import Chain
from conformance.evidence.bundle.seal import Content, Leaking, seal
from conformance.evidence.bundle.signing import (
    CannotSign,
    CommandSigner,
    Signer,
    from_pem,
    key_file,
    keyid,
    own_key,
    public_key,
)
from conformance.evidence.bundle.timestamp import CannotStamp, Stamper
from conformance.evidence.folder import RunFolder
from conformance.kills import matrix_digest
from conformance.model.results import Results
from conformance.target import Secret, Target
from conformance.target_file import OperatorError, secret


def run(options: argparse.Namespace) -> int:
    """Seal a run: 0 when the bundle was written, 4 when something secret stood in what was to be sealed."""
    try:
        return seal_run(RunFolder(options.folder), _signer(options), options.out, _stamper(options))
    except (CannotSign, CannotStamp) as trouble:
        raise OperatorError(str(trouble)) from None


def seal_at_once(folder: RunFolder, key: Path | None) -> int:
    """Seal a run that has just ended, while its credentials are at hand; by a key, or this user's own. As `run`."""
    try:
        return seal_run(folder, key_file(key) if key else own_key(_own_place()))
    except CannotSign as trouble:
        raise OperatorError(str(trouble)) from None


def seal_run(
    folder: RunFolder, signer: Signer, out: Path | None = None, stamper: Stamper | None = None
) -> int:
    """Seal a run beside it or below `out`, and say where the bundle is."""
    results = recorded_results(folder)
    content = Content(
        folder=folder,
        results=results,
        renderings=_renderings(results),
        configuration=_configuration(folder),
    )
    root = folder.path.resolve().parent
    try:
        bundle = seal(
            content,
            (out or root).resolve(),
            signer=signer,
            chain=Chain(root, results.target.name),
            mint=_mint(folder),
            secrets=_secrets(folder),
            stamper=stamper,
        )
    except Leaking as found:
        for leak in found.leaks:
            print(
                f"gateproof: {leak.what} stands in {leak.file} at byte {leak.offset:,} ({leak.form})",
                file=sys.stderr,
            )
        print(f"gateproof: {found}: nothing was sealed; this is a fault of the suite", file=sys.stderr)
        return 4
    print(f"signed by {keyid(signer.public)}", file=sys.stderr)
    print(bundle)
    return 0


def _renderings(results: Results) -> dict[str, bytes]:
    """Every format of the report, by file name."""
    from reports.formats import FORMATS

    return {kind.file: kind.render(results).encode() for kind in FORMATS.values()}


def _configuration(folder: RunFolder) -> dict[str, str]:
    """What the run was made with: the suite as it is installed, its exam, and the target file as it was read."""
    found = {f"gateproof {version('gateproof')}": _installed(), "kill_matrix.json": matrix_digest()}
    declared = folder.private / "target.json"
    if declared.exists():
        found["target"] = hashlib.sha256(declared.read_bytes()).hexdigest()
    return found


def _installed() -> str:
    """SHA-256 over the suite's source files, each by its path and digest in the order of paths."""
    root = Path(__file__).parents[1]
    whole = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        whole.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root)}\n".encode())
    return whole.hexdigest()


def _mint(folder: RunFolder) -> Mint:
    """The run's canaries, which must not leave. Raises OperatorError where they were destroyed: nobody could look for them."""
    try:
        key = (folder.private / "run.key").read_bytes()
        issued = msgspec.json.decode((folder.private / "issued.json").read_bytes(), type=tuple[Issued, ...])
    except (OSError, msgspec.DecodeError):
        raise OperatorError(
            f"{folder.path} has no private half any more: nothing can be searched for its secrets; seal before `forget`"
        ) from None
    return Mint.restore(key, issued)


def _secrets(folder: RunFolder) -> dict[str, str]:
    """Every credential of the run by what it is: keys that it made, and those that the target file names."""
    path = folder.private / "secrets.json"
    made = msgspec.json.decode(path.read_bytes()) if path.exists() else []
    found = {f"the secret of key '{entry['name']}'": str(entry["secret"]) for entry in made}
    file, target = recorded_target(folder)
    for what, reference in _references(target):
        found[what] = secret(reference, file.resolve().parent)
    return {what: text for what, text in found.items() if text.isascii()}


def _references(target: Target) -> list[tuple[str, Secret]]:
    """The credentials that a target file names, each with what it is."""
    named = [
        ("the admin credential", target.credentials.admin),
        ("the ordinary key", target.credentials.key),
        ("the provider key", target.witness.api_key if target.witness else None),
    ]
    named += [("a pepper", pepper) for pepper in target.credentials.peppers]
    named += [(f"the credential of {surface.locator}", surface.credential) for surface in target.surfaces]
    return [(what, reference) for what, reference in named if reference is not None]


def _signer(options: argparse.Namespace) -> Signer:
    """Who signs, by the options: a command with its public key, a key in a variable or a file, or this user's own."""
    if options.sign_command:
        if not options.public_key:
            raise OperatorError(
                "`--sign-command` needs `--public-key`: the PEM of the key that it signs with"
            )
        public = public_key(_bytes(options.public_key), str(options.public_key))
        return CommandSigner(tuple(shlex.split(options.sign_command)), public)
    if options.key_env:
        held = os.environ.get(options.key_env, "")
        return from_pem(held.encode(), f"the environment variable {options.key_env}")
    return key_file(options.key) if options.key else own_key(_own_place())


def _own_place() -> Path:
    """Where this user's key lies (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "gateproof" / "signing-key.pem"


def _stamper(options: argparse.Namespace) -> Stamper | None:
    if not options.timestamp:
        return None
    if not options.tsa_ca:
        raise OperatorError(
            "`--timestamp` needs `--tsa-ca`: the PEM of the authorities that its tokens must lead to"
        )
    _bytes(options.tsa_ca)
    return Stamper(options.timestamp, options.tsa_ca)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as trouble:
        raise OperatorError(f"{path} cannot be read: {trouble.strerror}") from None
