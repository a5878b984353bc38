"""Any policy, assembled, answers as its tables say; and the machine that it is run on notices what is wrong."""

import errno
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_gateway.content.confine.bpf import assemble, filter_program
from reference_gateway.content.confine.policy import POLICY, Among, Policy
from reference_gateway.content.confine.syscalls import X86_64, Architecture
from tests.reference_gateway.confine.drawn import architectures, calls, policies
from tests.reference_gateway.confine.machine import Call, MalformedError, checked, run
from tests.reference_gateway.unhurried import UNHURRIED

KILL: Final = 0x80000000
ALLOW: Final = 0x7FFF0000
FAIL: Final = 0x00050000
PRETEND: Final = FAIL  # the errno is 0: the caller hears that it was done


def meant(policy: Policy, architecture: Architecture, call: Call) -> int:
    """What a policy says of a call, read from its tables."""
    if call.architecture != architecture.audit:
        return KILL
    if architecture.foreign_from is not None and call.number >= architecture.foreign_from:
        return KILL
    name = next((name for name, number in architecture.numbers.items() if number == call.number), None)
    if name in policy.allowed:
        return ALLOW
    if name in policy.absent:
        return FAIL | errno.ENOSYS
    for tested in policy.tested:
        if tested.name == name:
            held = all(holds(condition, call) for condition in tested.conditions)
            return (PRETEND if tested.pretended else ALLOW) if held else FAIL | tested.otherwise
    return FAIL | policy.otherwise


def holds(condition: Among, call: Call) -> bool:
    half = call.arguments[condition.argument] >> (32 if condition.upper else 0) & 0xFFFFFFFF
    return half & condition.mask in condition.values


@UNHURRIED
@given(data=st.data(), policy=policies(), architecture=architectures)
def test_an_assembled_policy_answers_as_its_tables_say(
    data: st.DataObject, policy: Policy, architecture: Architecture
) -> None:
    program = assemble(policy, architecture)
    call = data.draw(calls(policy, architecture))

    checked(program)
    assert run(program, call) == meant(policy, architecture, call)


@UNHURRIED
@given(data=st.data(), architecture=architectures)
def test_the_policy_of_content_workers_is_assembled_as_its_tables_say(
    data: st.DataObject, architecture: Architecture
) -> None:
    call = data.draw(calls(POLICY, architecture))

    assert run(filter_program(architecture.name), call) == meant(POLICY, architecture, call)


@pytest.mark.parametrize("cut", [1, 8, 16])
def test_the_machine_itself_notices_a_program_that_is_cut(cut: int) -> None:
    with pytest.raises(MalformedError):
        checked(filter_program("x86_64")[:-cut])


def test_the_machine_itself_notices_a_call_that_differs() -> None:
    allowed = Call(X86_64.numbers["read"], architecture=X86_64.audit)
    differs = (replace(allowed, number=X86_64.numbers["openat"]), replace(allowed, architecture=0))

    assert run(filter_program("x86_64"), allowed) == ALLOW
    assert [run(filter_program("x86_64"), call) for call in differs] == [FAIL | errno.EPERM, KILL]
