"""Any store that fsspec reads: object stores, remote file systems, archives. fsspec and its drivers are optional packages."""

import importlib
from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from conformance.collectors.files import holds
from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.streams import CHUNK, Item, Missed, UnreadableError
from conformance.target import Surface
from conformance.target_file import OperatorError, secret

_LOCAL = "file://"


def _accounts(surface: Surface, base: Path) -> Accounted:
    if not surface.locator.startswith(_LOCAL):
        return Accounted()
    return Accounted(holds=lambda path: holds(path, surface.locator.removeprefix(_LOCAL), base))


@surface_kind("fsspec", accounts=_accounts)
def read_fsspec(surface: Surface, base: Path, _skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """Every object below a URL."""
    try:
        system, root = _opened(surface, base)
        yield from _below(system, root, surface)
    except OperatorError as error:
        yield Missed(name=surface.locator, reason=str(error))
    except Exception as error:  # noqa: BLE001 - each driver has exceptions of its own, and they may quote what was sent
        yield Missed(name=surface.locator, reason=f"it could not be listed: {type(error).__name__}")


def _opened(surface: Surface, base: Path) -> tuple[Any, str]:
    try:
        core = importlib.import_module("fsspec.core")
    except ImportError:
        raise OperatorError("it takes the package fsspec, which is not installed") from None
    secrets = {name: secret(reference, base) for name, reference in surface.secrets.items()}
    system, root = core.url_to_fs(surface.locator, **surface.options, **secrets)
    system.invalidate_cache()  # listings are kept, and what was written since would be overlooked
    return system, root


def _below(system: Any, root: str, surface: Surface) -> Iterator[Item | Missed]:
    entries: dict[str, dict[str, Any]] = system.find(root, withdirs=True, detail=True)
    if not entries:
        yield Missed(name=surface.locator, reason="nothing is there")
    folders = []
    for path, entry in sorted(entries.items()):
        if any(fnmatch(path, pattern) for pattern in surface.exclude):
            yield Missed(name=path, reason="excluded by the target file", deciding=False)
        elif entry.get("type") == "directory":
            folders.append(path)
        elif entry.get("type") == "file":
            yield _item(system, path, entry)
        else:
            yield Missed(name=path, reason="neither a file nor a folder, not opened", deciding=False)
    if folders:
        listed = "\n".join(folders).encode(errors="surrogateescape")
        yield Item(name="(names)", open=lambda: iter([listed]))
    if hasattr(system, "object_version_info"):
        yield Missed(
            name=surface.locator,
            reason="earlier versions of its objects, if it keeps any, were not read",
            deciding=False,
        )


def _item(system: Any, path: str, entry: dict[str, Any]) -> Item:
    return Item(
        name=path,
        open=lambda: _chunks(system, path),
        size=int(entry.get("size") or 0),
        modified=_modified(entry),
    )


def _modified(entry: dict[str, Any]) -> float:
    """When an object was written, by whatever its driver calls that; 1 where it does not say: it is an object all the same."""
    told = [entry[name] for name in ("mtime", "LastModified", "updated", "created") if entry.get(name)]
    match told:
        case [datetime() as when, *_]:
            return when.timestamp()
        case [int() | float() as seconds, *_]:
            return float(seconds)
        case _:
            return 1.0


def _chunks(system: Any, path: str) -> Iterator[bytes]:
    try:
        with system.open(path, "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except Exception as error:  # noqa: BLE001 - as above: no common class, and texts that are not ours
        raise UnreadableError(f"it could not be read to its end: {type(error).__name__}") from None
