"""What a surface yields, read whole."""

from pathlib import Path

from conformance.collectors.reading import read_surface
from conformance.collectors.streams import Item, UnreadableError
from conformance.target import Surface


def read(surface: Surface, base: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """The contents by name, and why the rest could not be read."""
    contents: dict[str, bytes] = {}
    missed: dict[str, str] = {}
    for found in read_surface(surface, base):
        if not isinstance(found, Item):
            missed[found.name] = found.reason
            continue
        contents[found.name] = b""
        try:
            for chunk in found.open():
                contents[found.name] += chunk
        except UnreadableError as error:
            missed[found.name] = str(error)
    return contents, missed


def everything(surface: Surface, base: Path) -> bytes:
    """All contents in a row; nothing may be unreadable."""
    contents, missed = read(surface, base)
    assert missed == {}
    return b"\n".join(contents.values())
