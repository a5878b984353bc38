"""A policy as a seccomp filter: classic BPF, assembled here so that its bytes are the same everywhere.

Pure. The program holds nothing of the process that loads it, so all workers of a release carry the same
bytes, and root can compare what it dumps from one (PTRACE_SECCOMP_GET_FILTER) with `filter_digest`.
Source: Linux `Documentation/userspace-api/seccomp_filter.rst`, `include/uapi/linux/{seccomp,filter}.h`.
"""

import errno
import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from reference_gateway.content.confine.policy import POLICY, Among, Policy, Tested
from reference_gateway.content.confine.syscalls import ARCHITECTURES, Architecture

KILL_PROCESS: Final = 0x80000000
ALLOW: Final = 0x7FFF0000
FAIL: Final = 0x00050000  # SECCOMP_RET_ERRNO; the errno stands in the lower 16 bits
PRETEND: Final = FAIL | 0

INSTRUCTION: Final = struct.Struct("<HBBI")  # code, jump if true, jump if false, constant
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

# Where in struct seccomp_data; halves of arguments are those of a little-endian machine.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16

_Instruction = tuple[int, int, int, int]


def assemble(policy: Policy, architecture: Architecture) -> bytes:
    """The filter, 8 bytes per instruction. A call of another architecture or ABI ends the process."""
    return b"".join(INSTRUCTION.pack(*one) for one in _program(policy, architecture))


def filter_program(architecture: str) -> bytes:
    """The filter of content workers. KeyError for an architecture that is not known."""
    return assemble(POLICY, ARCHITECTURES[architecture])


def filter_digest(architecture: str) -> str:
    """SHA-256 of that filter, 64 hex digits; the same for every worker of a release."""
    return hashlib.sha256(filter_program(architecture)).hexdigest()


def _program(policy: Policy, architecture: Architecture) -> Iterator[_Instruction]:
    numbers = architecture.numbers
    yield (_LOAD, 0, 0, _ARCHITECTURE)
    yield (_EQUAL, 1, 0, architecture.audit)
    yield _answer(KILL_PROCESS)
    yield (_LOAD, 0, 0, _NUMBER)
    if architecture.foreign_from is not None:
        yield (_AT_LEAST, 0, 1, architecture.foreign_from)
        yield _answer(KILL_PROCESS)
    yield from _any_of([numbers[name] for name in policy.allowed if name in numbers], ALLOW)
    yield from _any_of([numbers[name] for name in policy.absent if name in numbers], FAIL | errno.ENOSYS)
    for tested in policy.tested:
        yield from _tested(numbers[tested.name], tested)
    yield _answer(FAIL | policy.otherwise)


def _answer(value: int) -> _Instruction:
    return (_RETURN, 0, 0, value)


def _any_of(numbers: Sequence[int], answer: int) -> Iterator[_Instruction]:
    """Each number jumps to the answer behind them; none of them, past it. No numbers, no answer."""
    if not numbers:
        return
    last = len(numbers) - 1
    for index, number in enumerate(numbers):
        yield (_EQUAL, last - index, int(index == last), number)
    yield _answer(answer)


def _tested(number: int, tested: Tested) -> Iterator[_Instruction]:
    """Every path through the body answers, so it may overwrite the accumulator."""
    body = [one for condition in tested.conditions for one in _holds(condition, tested.otherwise)]
    yield (_EQUAL, 0, len(body) + 1, number)
    yield from body
    yield _answer(PRETEND if tested.pretended else ALLOW)


def _holds(condition: Among, otherwise: int) -> Iterator[_Instruction]:
    """Goes on behind itself if the condition holds, answers with the errno if not."""
    yield (_LOAD, 0, 0, _ARGUMENTS + 8 * condition.argument + 4 * condition.upper)
    yield (_AND, 0, 0, condition.mask)
    for index, value in enumerate(condition.values):
        yield (_EQUAL, len(condition.values) - index, 0, value)
    yield _answer(FAIL | otherwise)
