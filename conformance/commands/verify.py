"""`gateproof verify`: whether a bundle is as it was sealed."""

import argparse
import sys
from pathlib import Path

from conformance.evidence.bundle.manifest import Tampered
from conformance.evidence.bundle.signing import CannotSign
from conformance.evidence.bundle.timestamp import CannotStamp
from conformance.evidence.bundle.verify import Verified, verify
from conformance.target_file import OperatorError


def run(options: argparse.Namespace) -> int:
    """Verify a bundle: 0 when it is as it was sealed, 1 when not, 2 where the key given is none."""
    for path in (options.key, options.tsa_ca):
        if path is not None and not path.is_file():
            raise OperatorError(f"{path} is not there")
    if not options.folder.exists():
        raise OperatorError(f"{options.folder} is not there; name the folder of a bundle")
    try:
        found = verify(options.folder, key=_key(options.key), authorities=options.tsa_ca)
    except Tampered as trouble:
        print(f"gateproof: not as it was sealed: {trouble}", file=sys.stderr)
        return 1
    except (CannotSign, CannotStamp) as trouble:
        raise OperatorError(str(trouble)) from None
    _show(found)
    return 0


def _key(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


def _show(found: Verified) -> None:
    print(f"{found.files} files, {found.bytes:,} bytes: as they were sealed, none added, none missing")
    print(f"signed by {found.keyid}")
    if not found.trusted:
        print(
            "this key came with the bundle: compare its name with the signer's, or give their key with --key"
        )
    if found.stamped is not None:
        print(f"signed before {found.stamped:%Y-%m-%d %H:%M:%S} UTC, says the timestamp")
        if not found.stamp_trusted:
            print("the authority's certificates came with the bundle: give your own with --tsa-ca")
    print(f"what it says: {found.sentence}")
