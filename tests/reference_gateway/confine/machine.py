"""A small machine for classic BPF, written from Linux `Documentation/networking/filter.rst`, to run filters on."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_INSTRUCTION: Final = struct.Struct("<HBBI")
_DATA: Final = struct.Struct(
    "<IIQ6Q"
)  # struct seccomp_data: number, architecture, instruction pointer, arguments

Instruction = tuple[int, int, int, int]


class MalformedError(ValueError):
    """A program that the kernel would refuse to load."""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call as a filter sees it."""

    number: int
    arguments: tuple[int, int, int, int, int, int] = (0, 0, 0, 0, 0, 0)
    architecture: int = 0
    pointer: int = 0

    def packed(self) -> bytes:
        """struct seccomp_data of a little-endian machine."""
        return _DATA.pack(self.number, self.architecture, self.pointer, *self.arguments)


def decoded(program: bytes) -> tuple[Instruction, ...]:
    """The instructions. Raises MalformedError."""
    if not program or len(program) % _INSTRUCTION.size:
        raise MalformedError("no whole number of instructions")
    return tuple(_INSTRUCTION.iter_unpack(program))


def checked(program: bytes) -> tuple[Instruction, ...]:
    """The instructions of a program that the kernel would load. Raises MalformedError.

    As the kernel does it: known instructions only, aligned loads inside the data, jumps forward and inside
    the program, a return at its end.
    """
    instructions = decoded(program)
    if len(instructions) > 4096:  # BPF_MAXINSNS
        raise MalformedError("too long")
    for index, (code, true, false, constant) in enumerate(instructions):
        left = len(instructions) - index - 1
        if code not in _KNOWN:
            raise MalformedError(f"{index}: unknown instruction {code:#x}")
        if code in _JUMPS and max(true, false) >= left:
            raise MalformedError(f"{index}: a jump out of the program")
        if code == _LOAD and (constant % 4 or constant >= _DATA.size):
            raise MalformedError(f"{index}: a load from outside")
    if instructions[-1][0] != _RETURN:
        raise MalformedError("no return at the end")
    return instructions


def run(program: bytes, call: Call) -> int:
    """What the filter answers. Raises MalformedError where it leaves the program."""
    instructions, data = decoded(program), call.packed()
    accumulator = index = 0
    while index < len(instructions):
        code, true, false, constant = instructions[index]
        index += 1
        if code == _RETURN:
            return constant
        if code == _LOAD:
            (accumulator,) = struct.unpack_from("<I", data, constant)
        elif code == _AND:
            accumulator &= constant
        elif code in _JUMPS:
            index += true if _holds(code, accumulator, constant) else false
        else:
            raise MalformedError(f"unknown instruction {code:#x}")
    raise MalformedError("ran off the end")


def _holds(code: int, accumulator: int, constant: int) -> bool:
    answers: Mapping[int, bool] = {
        0x15: accumulator == constant,
        0x25: accumulator > constant,
        0x35: accumulator >= constant,
        0x45: bool(accumulator & constant),
    }
    return answers[code]


_LOAD: Final = 0x20
_AND: Final = 0x54
_RETURN: Final = 0x06
_JUMPS: Final = frozenset({0x15, 0x25, 0x35, 0x45})  # ==, >, >=, any bit of
_KNOWN: Final = _JUMPS | {_LOAD, _AND, _RETURN}
