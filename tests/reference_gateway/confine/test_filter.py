"""The filter of content workers, run on a machine of the tests' own: what it allows, and everything else."""

import errno
import os
import subprocess
import sys
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.content.confine.bpf import filter_digest, filter_program
from reference_gateway.content.confine.listing import listing
from reference_gateway.content.confine.policy import POLICY
from reference_gateway.content.confine.syscalls import AARCH64, ARCHITECTURES, X86_64, Architecture
from tests.reference_gateway.confine.drawn import architectures, arguments, halves
from tests.reference_gateway.confine.machine import Call, checked, run
from tests.reference_gateway.unhurried import UNHURRIED

KILL: Final = 0x80000000
ALLOW: Final = 0x7FFF0000
FAIL: Final = 0x00050000
EPERM, ENOSYS, ENOTTY = FAIL | errno.EPERM, FAIL | errno.ENOSYS, FAIL | errno.ENOTTY
PRETEND: Final = FAIL  # the errno is 0: the caller hears that it was done

# The digests that an auditor compares a worker's filter with. Who changes the policy changes them knowingly.
PUBLISHED: Final = {
    "x86_64": "afbf89ba207603f6ac3c209129119f65f2a6a9ab4fbfc962ed3cecbd2d85684c",
    "aarch64": "4f6344754109cb13c692d36becdbd8d7e98c71783b9c2d9ddf23da9972164db7",
}

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=list(ARCHITECTURES))


def answered(architecture: Architecture, number: int, *given_arguments: int) -> int:
    """What the filter of this architecture answers to a call with these arguments, zeros behind them."""
    padded = (*given_arguments, *(0,) * (6 - len(given_arguments)))
    a, b, c, d, e, f = padded
    call = Call(number, (a, b, c, d, e, f), architecture.audit)
    return run(filter_program(architecture.name), call)


# --- the filter as it is ----------------------------------------------------------------------------------


@every_architecture
def test_the_kernel_would_load_it(architecture: Architecture) -> None:
    assert len(checked(filter_program(architecture.name))) > len(POLICY.allowed)


@UNHURRIED
@given(architecture=architectures, name=st.sampled_from(POLICY.allowed), rest=arguments)
def test_what_serving_needs_is_allowed_whatever_its_arguments(
    architecture: Architecture, name: str, rest: tuple[int, ...]
) -> None:
    number = architecture.numbers.get(name, architecture.numbers["read"])

    assert answered(architecture, number, *rest) == ALLOW


@UNHURRIED
@given(architecture=architectures, name=st.sampled_from(POLICY.absent), rest=arguments)
def test_what_has_an_older_way_looks_like_an_older_kernel(
    architecture: Architecture, name: str, rest: tuple[int, ...]
) -> None:
    assert answered(architecture, architecture.numbers[name], *rest) == ENOSYS


@UNHURRIED
@given(architecture=architectures, number=st.integers(0, 0x3FFFFFFF), rest=arguments)
def test_every_other_number_is_refused(
    architecture: Architecture, number: int, rest: tuple[int, ...]
) -> None:
    spoken_of = {*POLICY.allowed, *POLICY.absent, *(tested.name for tested in POLICY.tested)}
    known = {architecture.numbers[name] for name in spoken_of if name in architecture.numbers}

    answer = answered(architecture, number, *rest)

    assert answer == EPERM or number in known


@every_architecture
def test_no_number_below_a_thousand_is_allowed_by_chance(architecture: Architecture) -> None:
    spoken_of = {*POLICY.allowed, *(tested.name for tested in POLICY.tested)}
    known = {architecture.numbers[name] for name in spoken_of if name in architecture.numbers}

    through = {number for number in range(1000) if answered(architecture, number) in (ALLOW, PRETEND)}

    assert through <= known


@UNHURRIED
@given(architecture=architectures, foreign=st.integers(0, 2**32 - 1), number=halves, rest=arguments)
def test_a_call_of_another_architecture_ends_the_process(
    architecture: Architecture, foreign: int, number: int, rest: tuple[int, int, int, int, int, int]
) -> None:
    call = Call(number, rest, foreign if foreign != architecture.audit else 0x40000003)  # AUDIT_ARCH_I386

    assert run(filter_program(architecture.name), call) == KILL


@UNHURRIED
@given(number=st.integers(0x40000000, 2**32 - 1), rest=arguments)
def test_a_call_of_the_x32_abi_ends_the_process(number: int, rest: tuple[int, ...]) -> None:
    assert answered(X86_64, number, *rest) == KILL


@UNHURRIED
@given(number=st.integers(0x40000000, 2**32 - 1), rest=arguments)
def test_on_aarch64_such_a_number_is_refused_like_any_other(number: int, rest: tuple[int, ...]) -> None:
    assert answered(AARCH64, number, *rest) == EPERM


_UPPER: Final = 1 << 32
_FAST_OPEN: Final = 0x20000000
_ADDRESS: Final = 0x7FFF_0000_1000
NEAR_MISSES: Final = {
    "send to the peer": ("sendto", (3, _ADDRESS, 10, 0x4000, 0, 0), ALLOW),
    "send by Fast Open": ("sendto", (3, _ADDRESS, 10, _FAST_OPEN, 0, 0), EPERM),
    "send by Fast Open among flags": ("sendto", (3, _ADDRESS, 10, _FAST_OPEN | 0x4040, 0, 0), EPERM),
    "send to an address": ("sendto", (3, _ADDRESS, 10, 0, _ADDRESS, 16), EPERM),
    "send to an address with no lower half": ("sendto", (3, _ADDRESS, 10, 0, _UPPER, 16), EPERM),
    "send to an address with no upper half": ("sendto", (3, _ADDRESS, 10, 0, 1, 16), EPERM),
    "map memory": ("mmap", (0, 4096, 3, 0x22, 2**64 - 1, 0), ALLOW),
    "map an executable page": ("mmap", (0, 4096, 5, 0x22, 2**64 - 1, 0), EPERM),
    "map an executable page with noise above": ("mmap", (0, 4096, _UPPER | 4, 0x22, 0, 0), EPERM),
    "protect a page": ("mprotect", (_ADDRESS, 4096, 1), ALLOW),
    "make a page executable": ("mprotect", (_ADDRESS, 4096, 7), EPERM),
    "set a flag of a descriptor": ("fcntl", (3, 4, 0o4000), ALLOW),
    "duplicate a descriptor": ("fcntl", (3, 1030, 0), ALLOW),
    "lock by fcntl": ("fcntl", (3, 6, _ADDRESS), EPERM),
    "own a descriptor's signals": ("fcntl", (3, 8, 1), EPERM),
    "take a lease": ("fcntl", (3, 1024, 1), EPERM),
    "size a pipe": ("fcntl", (3, 1031, 1 << 20), EPERM),
    "set non-blocking": ("ioctl", (3, 0x5421, _ADDRESS), ALLOW),
    "push a terminal's input": ("ioctl", (3, 0x5412, _ADDRESS), ENOTTY),
    "set no delay": ("setsockopt", (3, 6, 1, _ADDRESS, 4), ALLOW),
    "keep alive": ("setsockopt", (3, 1, 9, _ADDRESS, 4), ALLOW),
    "set an IP option": ("setsockopt", (3, 0, 1, _ADDRESS, 4), EPERM),
    "attach a program": ("setsockopt", (3, 1, 26, _ADDRESS, 16), EPERM),
    "attach an extended program": ("setsockopt", (3, 1, 50, _ADDRESS, 4), EPERM),
    "bind to a device": ("setsockopt", (3, 1, 25, _ADDRESS, 4), EPERM),
    "repair a connection": ("setsockopt", (3, 6, 19, _ADDRESS, 4), EPERM),
    "put a protocol on top": ("setsockopt", (3, 6, 31, _ADDRESS, 4), EPERM),
    "connect by Fast Open later": ("setsockopt", (3, 6, 30, _ADDRESS, 4), EPERM),
    "make a pair": ("socketpair", (1, 1, 0, _ADDRESS), ALLOW),
    "make a pair of another family": ("socketpair", (2, 1, 0, _ADDRESS), EPERM),
    "read an own limit": ("prlimit64", (0, 7, 0, _ADDRESS), ALLOW),
    "set a limit": ("prlimit64", (0, 7, _ADDRESS, 0), EPERM),
    "set a limit from an address without a lower half": ("prlimit64", (0, 7, _UPPER, 0), EPERM),
    "read another's limit": ("prlimit64", (1, 7, 0, _ADDRESS), EPERM),
    "ask about a descriptor": ("newfstatat", (3, _ADDRESS, _ADDRESS, 0x1000), PRETEND),
    "ask about a file": ("newfstatat", (3, _ADDRESS, _ADDRESS, 0), EPERM),
    "open a file": ("openat", (2**64 - 100, _ADDRESS, 0), EPERM),
    "make a socket": ("socket", (2, 1, 0), EPERM),
    "fork": ("clone", (17, 0, 0), EPERM),
    "start a thread": ("clone3", (_ADDRESS, 88), ENOSYS),
}


@every_architecture
@pytest.mark.parametrize("case", NEAR_MISSES)
def test_arguments_decide(architecture: Architecture, case: str) -> None:
    name, given_arguments, expected = NEAR_MISSES[case]

    assert answered(architecture, architecture.numbers[name], *given_arguments) == expected


@every_architecture
def test_every_tested_call_is_among_the_near_misses(architecture: Architecture) -> None:
    tried = {(name, answer in (ALLOW, PRETEND)) for name, _, answer in NEAR_MISSES.values()}

    assert {(tested.name, held) for tested in POLICY.tested for held in (True, False)} <= tried
    assert {tested.name for tested in POLICY.tested} <= set(architecture.numbers)


def test_no_call_is_spoken_of_twice() -> None:
    spoken = [*POLICY.allowed, *POLICY.absent, *(tested.name for tested in POLICY.tested)]

    assert len(spoken) == len(set(spoken))
    assert set(spoken) <= set(X86_64.numbers)


# --- what stands for the filter ---------------------------------------------------------------------------


@every_architecture
def test_the_digest_is_the_published_one(architecture: Architecture) -> None:
    assert filter_digest(architecture.name) == PUBLISHED[architecture.name]


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_filter_is_the_same_in_every_process(seed: str) -> None:
    ask = (
        "from reference_gateway.content.confine import filter_digest;"
        "print(filter_digest('x86_64'), filter_digest('aarch64'))"
    )
    environment = os.environ | {"PYTHONHASHSEED": seed}

    said = subprocess.run(
        [sys.executable, "-c", ask], env=environment, capture_output=True, text=True, timeout=20, check=True
    )

    assert said.stdout.split() == [PUBLISHED["x86_64"], PUBLISHED["aarch64"]]


@every_architecture
def test_the_listing_names_every_allowed_call(architecture: Architecture) -> None:
    lines = list(listing(filter_program(architecture.name), architecture))

    unnamed = [
        name
        for name in POLICY.allowed
        if name in architecture.numbers and not any(f"if == {name} go to" in line for line in lines)
    ]
    assert not unnamed
    assert len(lines) == len(checked(filter_program(architecture.name)))
    assert lines[1].split() == ["1", "if", "==", hex(architecture.audit), "go", "to", "3", "else", "2"]
    assert lines[2].split() == ["2", "kill", "the", "process"]
