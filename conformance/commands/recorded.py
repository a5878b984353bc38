"""What a run folder says of itself: the target that was audited, and the results."""

from pathlib import Path

import msgspec

from conformance.evidence.folder import RunFolder
from conformance.model.results import Results
from conformance.target import Target
from conformance.target_file import OperatorError

_RESULTS = "results.json"


def recorded_results(folder: RunFolder) -> Results:
    """The results of a run. Raises OperatorError where there are none of this version."""
    path = folder.path / _RESULTS
    try:
        return msgspec.json.decode(path.read_bytes(), type=Results)
    except OSError:
        raise OperatorError(
            f"{folder.path} holds no {_RESULTS}; `gateproof judge` writes one from recorded evidence"
        ) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise OperatorError(f"{path} is not of this version: {trouble}") from None


class _Recorded(msgspec.Struct, frozen=True):
    """What the stage writes into `target.json`."""

    file: str
    target: Target


def recorded_target(folder: RunFolder) -> tuple[Path, Target]:
    """The target file of a run and the target as it was then.

    Raises OperatorError where the private half does not say so any more, or in the words of another version.
    """
    path = folder.private / "target.json"
    if not path.exists():
        raise OperatorError(
            f"{folder.path} does not say which target it audited: it was forgotten, or it is not a run"
        )
    try:
        recorded = msgspec.json.decode(path.read_bytes(), type=_Recorded)
    except (msgspec.DecodeError, UnicodeDecodeError) as trouble:
        raise OperatorError(
            f"{path} holds no target as this version records it: {trouble}; name the target file with --target"
        ) from None
    return Path(recorded.file), recorded.target
