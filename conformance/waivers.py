"""Reading a waiver file: TOML in, waivers out, or one sentence that names file, line and key."""

import tomllib
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from conformance.model.dispositions import Waiver, WaiverKind
from conformance.target_file import OperatorError
from conformance.toml_lines import line_of


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A waiver as it is written: `expires` is TOML's offset date-time."""

    check: str
    kind: WaiverKind
    owner: str
    reason: str
    ticket: str
    expires: datetime


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waiver: tuple[_Entry, ...] = ()


def load(path: Path, known: Collection[str]) -> tuple[Waiver, ...]:
    """The waivers of a file; `known` are the ids of checks. Raises OperatorError for whatever a person could have got wrong."""
    text, document = _document(path)
    try:
        file = msgspec.convert(document, _File)
    except msgspec.ValidationError as trouble:
        raise OperatorError(f"{path}: {trouble}") from None
    waived: set[str] = set()
    for number, entry in enumerate(file.waiver):
        if wrong := _complaint(entry, known, waived):
            key, message = wrong
            line = line_of(text, ("waiver", str(number), key))
            raise OperatorError(f"{path}{f':{line}' if line else ''}: '{key}': {message}")
        waived.add(entry.check)
    return tuple(_waiver(entry) for entry in file.waiver)


def _document(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as trouble:
        raise OperatorError(f"the waiver file {path} cannot be read: {trouble}") from None
    try:
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as trouble:
        raise OperatorError(f"{path}: not valid TOML: {trouble}") from None


def _complaint(entry: _Entry, known: Collection[str], waived: Collection[str]) -> tuple[str, str] | None:
    """The key of a waiver that cannot be meant, and why."""
    if entry.check not in known:
        return "check", f"there is no check '{entry.check}'; `gateproof checks` lists them"
    if entry.check in waived:
        return "check", f"'{entry.check}' is waived twice"
    for key in ("owner", "reason", "ticket"):
        if not getattr(entry, key).strip():
            return key, "somebody answers for a waiver, for a reason, by a ticket: none of them may be empty"
    if entry.expires.tzinfo is None:
        return "expires", "a moment with its zone, such as 2027-01-31T00:00:00Z"
    return None


def _waiver(entry: _Entry) -> Waiver:
    return Waiver(
        check=entry.check,
        kind=entry.kind,
        owner=entry.owner.strip(),
        reason=entry.reason.strip(),
        ticket=entry.ticket.strip(),
        expires=entry.expires.isoformat(),
    )
