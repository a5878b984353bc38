"""What a run kept in its private half, for commands that search for its canaries again."""

from typing import TypeVar

import msgspec

from conformance.canary.mint import Issued, Mint
from conformance.evidence.folder import RunFolder
from conformance.target_file import OperatorError

_Kept = TypeVar("_Kept")


def run_key(folder: RunFolder) -> bytes:
    """The key of a run. Raises OperatorError where it is gone."""
    path = folder.private / "run.key"
    if not path.is_file():
        raise OperatorError(
            f"{folder.path} has no run key: it was forgotten, or it is not a run; no canary can be told without it"
        )
    return path.read_bytes()


def kept(folder: RunFolder, name: str, kind: type[_Kept]) -> tuple[_Kept, ...]:
    """What a run kept in one file; nothing where it was interrupted before. Raises OperatorError."""
    path = folder.private / name
    if not path.is_file():
        return ()
    try:
        return msgspec.json.decode(path.read_bytes(), type=tuple[kind, ...])  # type: ignore[valid-type]
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise OperatorError(f"{path} is not of this version: {trouble}") from None


def restored_mint(folder: RunFolder) -> Mint:
    """The mint of a run, with all that it is known to have issued. Raises OperatorError."""
    return Mint.restore(run_key(folder), kept(folder, "issued.json", Issued))
