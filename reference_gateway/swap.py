"""Whether memory could reach a disk by way of swap, for whoever reports on this machine.

A worker whose memory is locked (`Walls.memory_locked`) has nothing in swap, whatever there is; hibernation
writes all memory where swap is.
"""

import os
from enum import Enum, unique
from typing import Final

_MEMORY: Final = "zram"


@unique
class Swap(Enum):
    """What the kernel may do with pages that it needs elsewhere; the worst that is possible."""

    OFF = "off"  # there is none, or none for this control group
    MEMORY = "memory"  # compressed, in memory
    ENCRYPTED = "encrypted"  # by dm-crypt
    DISK = "disk"
    UNKNOWN = "unknown"


_WORST: Final = (Swap.OFF, Swap.MEMORY, Swap.ENCRYPTED, Swap.DISK)


def swap(root: str = "/") -> Swap:
    """As /proc/swaps and the control group of this process say, below `root`."""
    try:
        areas = [line.split()[0] for line in _read(root, "proc/swaps").splitlines()[1:]]
        if not areas or _group_has_none(root):
            return Swap.OFF
    except OSError:
        return Swap.UNKNOWN
    return max((_kind(root, os.path.basename(area)) for area in areas), key=_WORST.index)  # noqa: PTH119


def _kind(root: str, device: str) -> Swap:
    """Of a swap area, by the name of its device. A file's is no device's, and counts as a disk."""
    if device.startswith(_MEMORY):
        behind = _try(root, f"sys/class/block/{device}/backing_dev").strip()
        return Swap.MEMORY if behind in ("", "none") else Swap.DISK
    return Swap.ENCRYPTED if _is_encrypted(root, device) else Swap.DISK


def _is_encrypted(root: str, device: str) -> bool:
    """Whether dm-crypt stands between this device, or all that it is made of, and the disk."""
    place = f"sys/class/block/{device}"
    if _try(root, f"{place}/dm/uuid").startswith("CRYPT-"):
        return True
    try:
        parts = os.listdir(f"{root}/{place}/slaves")  # noqa: PTH208 - the content plane imports no pathlib
    except OSError:
        return False
    return bool(parts) and all(_is_encrypted(root, part) for part in parts)


def _group_has_none(root: str) -> bool:
    """Whether this control group (version 2) or one above it may use no swap at all."""
    lines = _read(root, "proc/self/cgroup").splitlines()
    group = next((line[3:] for line in lines if line.startswith("0::")), "")
    above = [group[:end] for end, letter in enumerate(group) if letter == "/"]
    return any(
        _try(root, f"sys/fs/cgroup{place}/memory.swap.max").strip() == "0" for place in (group, *above)
    )


def _try(root: str, path: str) -> str:
    try:
        return _read(root, path)
    except OSError:
        return ""


def _read(root: str, path: str) -> str:
    with open(f"{root}/{path}", encoding="utf-8") as file:  # noqa: PTH123 - as above
        return file.read()
