"""The table of system call numbers against what others know of them: the kernel's headers, and the kernel itself."""

import ctypes
import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from reference_gateway.content.confine.kernel import HERE, call
from reference_gateway.content.confine.syscalls import AARCH64, X86_64, Architecture

_READ: Final = Path(__file__).with_name("numbers.txt")
# Headers that need not be installed; where they are, they are asked too.
_HEADERS: Final = {
    Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"): X86_64,
    Path("/usr/include/asm/unistd_64.h"): X86_64,
    Path("/usr/include/asm-generic/unistd.h"): AARCH64,
    Path("/usr/include/aarch64-linux-gnu/asm/unistd_64.h"): AARCH64,
}
_DEFINED: Final = re.compile(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)\b", re.MULTILINE)
_OTHER_NAMES: Final = {"newfstatat": "fstatat"}  # in the generic header


def kept(column: int) -> Mapping[str, int]:
    """One architecture's column of the file beside this one."""
    rows = [line.split() for line in _READ.read_text().splitlines() if not line.startswith("#")]
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}


@pytest.mark.parametrize(("architecture", "column"), [(X86_64, 1), (AARCH64, 2)], ids=["x86_64", "aarch64"])
def test_the_numbers_are_those_read_from_the_headers(architecture: Architecture, column: int) -> None:
    assert dict(architecture.numbers) == kept(column)


def test_the_numbers_are_those_of_the_headers_that_are_here() -> None:
    here = {path: architecture for path, architecture in _HEADERS.items() if path.exists()}

    wrong = {
        (path, name): (ours, theirs)
        for path, architecture in here.items()
        for name, ours in architecture.numbers.items()
        if (theirs := _named(path, name)) not in (ours, None)
    }

    assert not wrong


def _named(path: Path, name: str) -> int | None:
    found = {one: int(number) for one, number in _DEFINED.findall(path.read_text())}
    return found.get(name, found.get(_OTHER_NAMES.get(name, name)))


def test_this_machine_is_known_and_its_own_library_means_the_same_calls() -> None:
    libc = ctypes.CDLL(None)

    assert HERE is not None
    assert HERE.name == os.uname().machine
    assert [call(name) for name in ("getpid", "getppid", "getuid", "getegid")] == [
        libc.getpid(),
        libc.getppid(),
        libc.getuid(),
        libc.getegid(),
    ]


def test_an_answer_is_the_kernels_own_with_the_errno_turned() -> None:
    assert call("close", -1) == -errno.EBADF


def test_arguments_and_answers_have_64_bits() -> None:
    page = call("mmap", 0, 1 << 16, 3, 0x22, -1, 0)

    assert page > 1 << 32
    assert call("munmap", page, 1 << 16) == 0


def test_a_call_that_an_architecture_never_had_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        call("no_such_call")
