"""What is asked of Landlock, for each of its ABIs: Linux `include/uapi/linux/landlock.h` and its history."""

import struct
from typing import Final

import pytest

from reference_gateway.content.confine.landlock import MINIMUM_ABI, attribute

_FIRST: Final = sum(1 << bit for bit in range(13))
_REFER, _TRUNCATE, _IOCTL_DEV, _RESOLVE_UNIX = 1 << 13, 1 << 14, 1 << 15, 1 << 16
_TCP, _UDP = 0b11, 0b1100
_SCOPES: Final = 0b11

# ABI: the fields of struct landlock_ruleset_attr that it knows.
ATTRIBUTES: Final = {
    1: (_FIRST,),
    2: (_FIRST | _REFER,),
    3: (_FIRST | _REFER | _TRUNCATE,),
    4: (_FIRST | _REFER | _TRUNCATE, _TCP),
    5: (_FIRST | _REFER | _TRUNCATE | _IOCTL_DEV, _TCP),
    6: (_FIRST | _REFER | _TRUNCATE | _IOCTL_DEV, _TCP, _SCOPES),
    7: (_FIRST | _REFER | _TRUNCATE | _IOCTL_DEV, _TCP, _SCOPES),
    8: (_FIRST | _REFER | _TRUNCATE | _IOCTL_DEV, _TCP, _SCOPES),
    9: (_FIRST | _REFER | _TRUNCATE | _IOCTL_DEV | _RESOLVE_UNIX, _TCP, _SCOPES),
    10: (_FIRST | _REFER | _TRUNCATE | _IOCTL_DEV | _RESOLVE_UNIX, _TCP | _UDP, _SCOPES),
}


@pytest.mark.parametrize("abi", ATTRIBUTES)
def test_every_right_that_an_abi_knows_is_handled_and_none_that_it_does_not(abi: int) -> None:
    fields = ATTRIBUTES[abi]

    assert attribute(abi) == struct.pack(f"<{len(fields)}Q", *fields)


@pytest.mark.parametrize("abi", [11, 12, 1000])
def test_of_an_abi_that_is_not_known_yet_the_newest_known_rights_are_handled(abi: int) -> None:
    assert attribute(abi) == attribute(10)


def test_the_oldest_abi_that_counts_as_a_wall_refuses_truncation() -> None:
    (files,) = struct.unpack("<Q", attribute(MINIMUM_ABI))

    assert files & _TRUNCATE
    assert not struct.unpack("<Q", attribute(MINIMUM_ABI - 1))[0] & _TRUNCATE
