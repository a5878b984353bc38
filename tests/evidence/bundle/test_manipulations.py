"""Whatever is done to a bundle is found out, by `gateproof verify` and by the shell script alike."""

import shutil
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import pytest

from conformance.evidence.bundle import dsse, manifest
from conformance.evidence.bundle.files import digest
from conformance.evidence.bundle.manifest import Tampered
from conformance.evidence.bundle.signing import KeySigner, keyid
from conformance.evidence.bundle.verify import verify
from tests.evidence.bundle.sealing import finished, new_key

Manipulation = Callable[[Path], None]
_STATEMENT = "attest/statement.dsse.json"


def by_shell(bundle: Path, public: Path, *authorities: Path) -> "subprocess.CompletedProcess[str]":
    """The script that ships, for a bundle and what its verifier trusts."""
    script = str(resources.files("conformance.evidence.bundle").joinpath("verify.sh"))
    command = ["sh", script, *map(str, (bundle, public, *authorities))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def changed(bundle: Path) -> None:
    path = bundle / "evidence" / "Rotation.json"
    path.write_bytes(path.read_bytes().replace(b"there is none", b"there is some"))


def truncated(bundle: Path) -> None:
    path = bundle / "report.html"
    path.write_bytes(path.read_bytes()[:-1])


def added(bundle: Path) -> None:
    (bundle / "evidence" / "Extra.json").write_text("{}")


def added_hidden(bundle: Path) -> None:
    (bundle / ".htaccess").write_text("x")


def added_beside_the_signature(bundle: Path) -> None:
    shutil.copy(bundle / _STATEMENT, bundle / "attest" / "second.dsse.json")


def removed(bundle: Path) -> None:
    (bundle / "evidence" / "Revocation.json").unlink()


def renamed(bundle: Path) -> None:
    (bundle / "report.html").rename(bundle / "report.htm")


def renamed_in_the_manifest_too(bundle: Path) -> None:
    renamed(bundle)
    sums = bundle / manifest.NAME
    sums.write_bytes(sums.read_bytes().replace(b"report.html", b"report.htm"))


def changed_in_the_manifest_too(bundle: Path) -> None:
    changed(bundle)
    listed = manifest.read((bundle / manifest.NAME).read_bytes())
    listed["evidence/Rotation.json"] = digest(bundle / "evidence" / "Rotation.json")
    (bundle / manifest.NAME).write_bytes(manifest.write(listed))


def reordered(bundle: Path) -> None:
    sums = bundle / manifest.NAME
    sums.write_bytes(b"".join(reversed(sums.read_bytes().splitlines(keepends=True))))


def line_taken_out(bundle: Path) -> None:
    sums = bundle / manifest.NAME
    sums.write_bytes(b"".join(sums.read_bytes().splitlines(keepends=True)[1:]))


def other_line_ends(bundle: Path) -> None:
    sums = bundle / manifest.NAME
    sums.write_bytes(sums.read_bytes().replace(b"\n", b"\r\n"))


def traversal(bundle: Path) -> None:
    outside = bundle.parent / "outside.json"
    outside.write_text("{}")
    sums = bundle / manifest.NAME
    line = f"{digest(outside)}  ../outside.json\n".encode()
    sums.write_bytes(line + sums.read_bytes())


def linked(bundle: Path) -> None:
    path, outside = bundle / "results.json", bundle.parent / "results.json"
    path.rename(outside)
    path.symlink_to(outside)


def linked_folder(bundle: Path) -> None:
    path, outside = bundle / "evidence", bundle.parent / "elsewhere"
    path.rename(outside)
    path.symlink_to(outside)


def verdict_flipped(bundle: Path) -> None:
    path = bundle / _STATEMENT
    payload, signature, name = dsse.opened(path.read_bytes())
    path.write_bytes(dsse.written(payload.replace(b"WARNED", b"PASSED"), signature, name))


def second_signature(bundle: Path) -> None:
    path = bundle / _STATEMENT
    path.write_bytes(path.read_bytes().replace(b"}]}", b'},{"keyid":"x","sig":"eA=="}]}'))


def member_twice(bundle: Path) -> None:
    path = bundle / _STATEMENT
    path.write_bytes(path.read_bytes().replace(b'{"payload":', b'{"payload":"eyB9","payload":', 1))


def signature_of_another_bundle(bundle: Path) -> None:
    other = finished(bundle.parent / "others", "ffff0000").sealed(bundle.parent, new_key())
    shutil.copy(other / _STATEMENT, bundle / _STATEMENT)


def sealed_again_by_somebody_else(bundle: Path) -> None:
    changed_in_the_manifest_too(bundle)
    other = new_key()
    payload, _, _ = dsse.opened((bundle / _STATEMENT).read_bytes())
    listed = manifest.read((bundle / manifest.NAME).read_bytes())
    assert listed
    signature = other.sign(dsse.pae(payload))
    (bundle / _STATEMENT).write_bytes(dsse.written(payload, signature, keyid(other.public)))
    (bundle / "attest" / "signer.pem").write_bytes(other.public)


def without_statement(bundle: Path) -> None:
    (bundle / _STATEMENT).unlink()


def without_manifest(bundle: Path) -> None:
    (bundle / manifest.NAME).unlink()


def empty_manifest(bundle: Path) -> None:
    (bundle / manifest.NAME).write_bytes(b"")


def emptied(bundle: Path) -> None:
    shutil.rmtree(bundle)
    bundle.mkdir()


MANIPULATIONS: tuple[Manipulation, ...] = (
    changed, truncated, added, added_hidden, added_beside_the_signature, removed, renamed, renamed_in_the_manifest_too,
    changed_in_the_manifest_too, reordered, line_taken_out, other_line_ends, traversal, linked, linked_folder, verdict_flipped,
    second_signature, member_twice, signature_of_another_bundle, sealed_again_by_somebody_else, without_statement,
    without_manifest, empty_manifest, emptied,
)  # fmt: skip


@pytest.mark.parametrize("manipulation", MANIPULATIONS, ids=lambda manipulation: manipulation.__name__)
def test_a_manipulation_is_found_out_by_both(
    manipulation: Manipulation, bundle: Path, public: Path, signer: KeySigner
) -> None:
    manipulation(bundle)

    after = by_shell(bundle, public)

    assert after.returncode == 1, after.stdout
    assert "TAMPERED" in after.stderr
    with pytest.raises(Tampered):
        verify(bundle, key=signer.public)


def test_what_nobody_touched_is_verified_by_the_shell(bundle: Path, public: Path) -> None:
    done = by_shell(bundle, public)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("verified: ")


def test_without_the_signers_key_only_the_key_in_the_bundle_can_be_asked(bundle: Path) -> None:
    found = verify(bundle)

    assert not found.trusted
    assert found.sentence.startswith("not decided")


def test_what_was_sealed_holds_by_the_signers_key(bundle: Path, signer: KeySigner) -> None:
    hashed: list[int] = []

    found = verify(bundle, key=signer.public, advance=hashed.append)

    assert found.trusted
    assert found.keyid == keyid(signer.public)
    assert found.files == len(hashed) == len(manifest.read((bundle / manifest.NAME).read_bytes()))
    assert sum(hashed) == found.bytes
