"""The manifest: which files a bundle holds, and the SHA-256 of each, in the format of `sha256sum`. Pure."""

import re
from collections.abc import Mapping

NAME = "SHA256SUMS"
ATTEST = "attest"  # the folder of what vouches for the manifest, and so is not in it

_SEGMENT = (
    r"[A-Za-z0-9][A-Za-z0-9._-]*"  # none begins with a dot or a dash: no traversal, no option of a command
)
_PATH = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_LINE = re.compile(rf"([0-9a-f]{{64}})  ({_PATH.pattern})")


class Tampered(Exception):
    """The bundle is not as it was sealed, or it is none; the message says what is wrong with which file."""


def write(digests: Mapping[str, str]) -> bytes:
    """The manifest of files, by relative path: SHA-256 in hexadecimal. Sorted by path, LF, so the same files give the same bytes.

    Raises ValueError for a name that a shell or another system could read otherwise.
    """
    for path in digests:
        if not is_sound(path):
            raise ValueError(f"'{path}' cannot stand in a manifest")
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests)).encode("ascii")


def is_sound(path: str) -> bool:
    """Whether a relative path is plain enough to mean the same everywhere, and is not one that vouches for the manifest."""
    return _PATH.fullmatch(path) is not None and path != NAME and path.split("/", 1)[0] != ATTEST


def read(data: bytes) -> dict[str, str]:
    """The files of a manifest and their digests. Raises Tampered for anything that `write` would not have written.

    An empty manifest is none: it would vouch for nothing.
    """
    if not data:
        raise Tampered(f"{NAME} is empty: it vouches for nothing")
    if not data.endswith(b"\n"):
        raise Tampered(f"{NAME} does not end with its last line: it was cut")
    found: dict[str, str] = {}
    last = ""
    for number, line in enumerate(data[:-1].split(b"\n"), start=1):
        digest, path = _entry(line, number)
        if path <= last:
            raise Tampered(f"{NAME}, line {number}: '{path}' is out of order or named twice")
        found[path] = digest
        last = path
    return found


def _entry(line: bytes, number: int) -> tuple[str, str]:
    match = _LINE.fullmatch(line.decode("ascii", errors="replace"))
    if match is None or not is_sound(match[2]):
        raise Tampered(f"{NAME}, line {number} is not a SHA-256, two blanks and a plain relative path")
    return match[1], match[2]
