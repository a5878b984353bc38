"""Journals of systemd: every field of every entry as journalctl exports it, newest first, and the files as they lie.

Entries that were vacuumed or cut off are seen in the files only; what the journal compressed is seen by both.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from conformance.collectors.files import located, read_paths
from conformance.collectors.kinds.command import read_command
from conformance.collectors.reading import Accounted, surface_kind
from conformance.collectors.streams import Item, Missed
from conformance.model.storage import SurfaceSize
from conformance.target import Surface

_LOCAL = "local"
_PLACES = ("/var/log/journal", "/run/log/journal")  # journald.conf(5), Storage=
_EXPORT = ("journalctl", "--output=export", "--all", "--no-pager", "--quiet", "--reverse")


def _accounts(surface: Surface, base: Path) -> Accounted:
    roots = [root for locator in _files(surface) for root in located(locator, base)]
    return Accounted(
        holds=lambda path: any(path.is_relative_to(root) for root in roots),
        peers=(
            ("/run/systemd/journal/stdout", 0),
            ("/run/systemd/journal/socket", 0),
            ("/run/systemd/journal/dev-log", 0),
        ),
        output=True,
    )


def _measure(surface: Surface, base: Path) -> SurfaceSize:
    """Sizes of journals are those of what was set aside for them, so that only their times tell of writing."""
    newest, items = 0.0, 0
    for root in (root for locator in _files(surface) for root in located(locator, base)):
        for path in (root, *root.rglob("*.journal")):
            items += 1
            newest = max(newest, path.stat().st_mtime)
    return SurfaceSize(bytes=0, items=items, newest=newest)


@surface_kind("journald", accounts=_accounts, measure=_measure)
def read_journal(surface: Surface, base: Path, skip: tuple[Path, ...]) -> Iterator[Item | Missed]:
    """The entries, then the files of a journal that was given as such."""
    found = [root for locator in _files(surface) for root in located(locator, base)]
    if not found:
        yield Missed(name=surface.locator, reason="nothing is there")
        return
    if shutil.which(_EXPORT[0]) is None:
        yield Missed(name=surface.locator, reason="its entries take journalctl, which is not installed")
    else:
        for arguments in _readings(surface, found):
            command = (*_EXPORT, *arguments, *surface.match)
            exported = Surface(
                kind="command",
                locator=f"{surface.locator} (entries)",
                command=command,
                most_seconds=surface.most_seconds,
            )
            yield from read_command(exported, base, skip)
    if surface.locator != _LOCAL:
        yield from read_paths((surface.locator,), base, surface.exclude, skip)


def _readings(surface: Surface, found: list[Path]) -> list[tuple[str, ...]]:
    """How journalctl is told what to read: the machine's own journal, or each folder and file."""
    if surface.locator == _LOCAL:
        return [()]
    return [(f"--directory={path}",) if path.is_dir() else (f"--file={os.fspath(path)}",) for path in found]


def _files(surface: Surface) -> tuple[str, ...]:
    return _PLACES if surface.locator == _LOCAL else (surface.locator,)
