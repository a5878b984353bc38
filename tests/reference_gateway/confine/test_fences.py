"""The light walls of the ledger and the dialer: what their work needs goes on, and nothing else does."""

from typing import Final

import pytest

from reference_gateway.content.confine import Identity, NotConfinedError, Reason
from tests.reference_gateway.confine.fencing import ATTEMPTS, DONE
from tests.reference_gateway.confine.stage import IDENTITIES, THE_ABI, played

each_identity = pytest.mark.parametrize("identity", IDENTITIES, ids=str)
each_fence = pytest.mark.parametrize("fence", ["ledger", "dialer"])

_BOTH: Final = {
    "make a file beside": "EACCES",
    "write a file beside": "EACCES",
    "truncate a file beside": "EACCES",
    "remove a file beside": "EACCES",
    "read a file beside": DONE,
    "list a folder": DONE,
    "write a file in shared memory": "EACCES",
    "make a folder inside": "EACCES",
    "make a link inside": "EACCES",
    "start a program": "EACCES",
    "open a port": "EACCES",
    "accept": DONE,
    "resolve": DONE,
    "reach an abstract socket": "EPERM",
    "signal its parent": "EPERM",
}
LEDGER: Final = _BOTH | {
    "keep books": DONE,
    "write a file inside": DONE,
    "remove a file inside": DONE,
    "move a file out": "EACCES",
    "connect": "EACCES",
}
DIALER: Final = _BOTH | {
    "keep books": "no books",
    "write a file inside": "EACCES",
    "remove a file inside": "EACCES",
    "move a file out": "EACCES",
    "connect": DONE,
}


# What Landlock refuses from a later ABI on.
SINCE: Final = {"open a port": 4, "connect": 4, "reach an abstract socket": 6, "signal its parent": 6}


def here(table: dict[str, str]) -> dict[str, str]:
    """What the Landlock of this kernel makes of a table."""
    return {name: said if SINCE.get(name, 0) <= THE_ABI else DONE for name, said in table.items()}


@each_identity
def test_the_ledger_writes_in_its_folder_and_connects_to_nobody(identity: Identity | None) -> None:
    assert played("fenced", fence="ledger", identity=identity) == here(LEDGER)


@each_identity
def test_the_dialer_connects_and_writes_nothing(identity: Identity | None) -> None:
    assert played("fenced", fence="dialer", identity=identity) == here(DIALER)


def test_every_attempt_works_without_a_fence() -> None:
    done = played("unfenced")

    assert done == dict.fromkeys(set(ATTEMPTS) - {"start a program"}, DONE)


@each_fence
def test_a_thread_that_existed_before_would_be_outside(fence: str) -> None:
    told = played("fenced_late", fence=fence)

    assert told == {"refused": str(NotConfinedError(Reason.THREADS, "2 threads"))}


@each_fence
def test_a_kernel_without_landlock_is_told(fence: str) -> None:
    told = played("fenced_without", fence=fence)

    assert told == {"refused": str(NotConfinedError(Reason.LANDLOCK_MISSING, "ENOSYS"))}
