"""What is said of swap, on trees of files like those that kernels show; and on this machine."""

from pathlib import Path
from typing import Final

import pytest

from reference_gateway.swap import Swap, swap

_HEADER: Final = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
_FILE: Final = "/swap.img                               file\t\t2097148\t\t0\t\t-2\n"
_PARTITION: Final = "/dev/sda2                               partition\t2097148\t\t0\t\t-2\n"
_ZRAM: Final = "/dev/zram0                              partition\t2097148\t\t0\t\t100\n"
_MAPPED: Final = "/dev/dm-1                               partition\t2097148\t\t0\t\t-2\n"

_CRYPT: Final = {"sys/class/block/dm-1/dm/uuid": "CRYPT-LUKS2-0123-swap\n"}
_VOLUME: Final = {"sys/class/block/dm-1/dm/uuid": "LVM-0123\n"}
_UNDER_IT: Final = {
    "sys/class/block/dm-1/slaves/dm-0/uevent": "",
    "sys/class/block/dm-0/dm/uuid": "CRYPT-LUKS2-4567-disk\n",
}
_BESIDE_IT: Final = {"sys/class/block/dm-1/slaves/sdb1/uevent": ""}
_IN_A_GROUP: Final = {"proc/self/cgroup": "0::/system.slice/gateway.service\n"}
_GROUP: Final = "sys/fs/cgroup/system.slice"

MACHINES: Final[dict[str, tuple[str, dict[str, str], Swap]]] = {
    "no areas": ("", {}, Swap.OFF),
    "a file": (_FILE, {}, Swap.DISK),
    "a partition": (_PARTITION, {}, Swap.DISK),
    "compressed memory": (_ZRAM, {}, Swap.MEMORY),
    "compressed memory that says so": (
        _ZRAM,
        {"sys/class/block/zram0/backing_dev": "none\n"},
        Swap.MEMORY,
    ),
    "compressed memory that is written back": (
        _ZRAM,
        {"sys/class/block/zram0/backing_dev": "/dev/sda3\n"},
        Swap.DISK,
    ),
    "an encrypted partition": (_MAPPED, _CRYPT, Swap.ENCRYPTED),
    "a volume": (_MAPPED, _VOLUME, Swap.DISK),
    "a volume of an encrypted disk": (_MAPPED, _VOLUME | _UNDER_IT, Swap.ENCRYPTED),
    "a volume of two disks, one of them encrypted": (
        _MAPPED,
        _VOLUME | _UNDER_IT | _BESIDE_IT,
        Swap.DISK,
    ),
    "the worst of several": (_ZRAM + _MAPPED, _CRYPT, Swap.ENCRYPTED),
    "a group without": (_FILE, _IN_A_GROUP | {f"{_GROUP}/gateway.service/memory.swap.max": "0\n"}, Swap.OFF),
    "a group without above it": (_FILE, _IN_A_GROUP | {f"{_GROUP}/memory.swap.max": "0\n"}, Swap.OFF),
    "a group with": (_FILE, _IN_A_GROUP | {f"{_GROUP}/memory.swap.max": "max\n"}, Swap.DISK),
    "a group of the older kind": (_FILE, {"proc/self/cgroup": "4:memory:/a\n"}, Swap.DISK),
}


def made(root: Path, files: dict[str, str]) -> str:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return str(root)


@pytest.mark.parametrize("machine", MACHINES)
def test_the_worst_that_can_become_of_a_page_is_said(machine: str, tmp_path: Path) -> None:
    areas, files, expected = MACHINES[machine]
    root = made(tmp_path, {"proc/swaps": _HEADER + areas, "proc/self/cgroup": "0::/\n"} | files)

    assert swap(root) is expected


@pytest.mark.parametrize("present", [{}, {"proc/swaps": _HEADER + _FILE}])
def test_what_cannot_be_read_is_not_said_to_be_off(present: dict[str, str], tmp_path: Path) -> None:
    assert swap(made(tmp_path, present)) is Swap.UNKNOWN


def test_this_machine_has_an_answer() -> None:
    areas = Path("/proc/swaps").read_text().splitlines()[1:]

    assert swap() is not Swap.UNKNOWN
    assert areas or swap() is Swap.OFF
