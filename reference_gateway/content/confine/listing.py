"""A filter in words, one line per instruction, for readers who want to check it against the policy."""

import errno
from collections.abc import Iterator
from typing import Final

from reference_gateway.content.confine.bpf import ALLOW, FAIL, INSTRUCTION, KILL_PROCESS, PRETEND
from reference_gateway.content.confine.syscalls import Architecture

_LOAD: Final = 0x20
_AND: Final = 0x54
_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_NUMBER: Final = 0
_FIELDS: Final = {_NUMBER: "number", 4: "architecture"}


def listing(program: bytes, architecture: Architecture) -> Iterator[str]:
    """The lines of an assembled filter, without line ends."""
    names = {number: name for name, number in architecture.numbers.items()}
    loaded: dict[int, int] = {}  # which field the accumulator holds at an instruction, as jumps lead to it
    for index, (code, true, false, constant) in enumerate(INSTRUCTION.iter_unpack(program)):
        behind = index + 1
        if code == _RETURN:
            words = _answer(constant)
        elif code in (_LOAD, _AND):
            loaded[behind] = constant if code == _LOAD else loaded[index]
            words = f"load {_field(constant)}" if code == _LOAD else f"and {constant:#x}"
        else:
            loaded[behind + true] = loaded[behind + false] = loaded[index]
            relation = ">=" if code == _AT_LEAST else "=="
            value = names.get(constant) if loaded[index] == _NUMBER else None
            words = f"if {relation} {value or hex(constant)} go to {behind + true} else {behind + false}"
        yield f"{index:4} {words}"


def _field(offset: int) -> str:
    """A place in struct seccomp_data (linux/seccomp.h)."""
    if offset in _FIELDS:
        return _FIELDS[offset]
    argument, half = divmod(offset - 16, 8)
    return f"argument {argument}, {'upper' if half else 'lower'} half"


def _answer(value: int) -> str:
    if value == KILL_PROCESS:
        return "kill the process"
    if value == ALLOW:
        return "allow"
    if value == PRETEND:
        return "answer 0, do nothing"
    number = value & ~FAIL
    return f"fail with {errno.errorcode.get(number, number)}"
