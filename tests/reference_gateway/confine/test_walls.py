"""Each wall by itself, both, and none: what becomes of every forbidden act, on things that exist."""

import errno
import subprocess
import sys
from typing import Any, Final

import pytest

from reference_gateway import prove
from reference_gateway.content.confine import Identity, NotConfinedError, Reason, filter_digest
from reference_gateway.content.confine.acts import ACTS, Act, ByLandlock
from reference_gateway.content.confine.kernel import HERE
from reference_gateway.content.confine.landlock import MINIMUM_ABI
from reference_gateway.content.confine.self_test import Outcome
from tests.reference_gateway.confine.stage import IDENTITIES, THE_ABI, played

_COMMAND: Final = (sys.executable, "-m", "reference_gateway.prove")
_FACTS: Final = 3  # lines before the acts

# What an act answers where no wall stands, if it is not that it works. It has come further than to a wall.
FURTHER: Final = {
    "enter an I/O ring": errno.EBADF,
    "change a terminal": errno.EBADF,
    "connect by TCP": errno.EINPROGRESS,
    "connect by MPTCP": errno.EINPROGRESS,
    "connect by Fast Open": errno.EINPROGRESS,
    "start a program": errno.ENOEXEC,
    "start a program by its folder": errno.ENOEXEC,
    "start a thread or process by clone3": errno.EINVAL,
}
_NO_SECCOMP: Final = NotConfinedError(Reason.SECCOMP_MISSING, "ENOSYS")

each_identity = pytest.mark.parametrize("identity", IDENTITIES, ids=str)


def proved(walls: str, identity: Identity | None) -> tuple[int, dict[str, tuple[str, str]]]:
    """The command's status, and for each act its judgement and the kernel's answer."""
    who = [f"--identity={identity[0]}:{identity[1]}"] if identity else []
    ran = subprocess.run(
        [*_COMMAND, "--prove", walls, *who], capture_output=True, text=True, timeout=30, check=False
    )
    assert ran.stderr == ""
    rows = [line.split(None, 2) for line in ran.stdout.splitlines()[_FACTS:]]
    return ran.returncode, {name: (said, answer) for said, answer, name in rows}


def by_filter(act: Act) -> tuple[str, str]:
    return "refused", errno.errorcode[act.by_filter]


def by_landlock(act: Act, abi: int) -> str:
    return "refused" if act.by_landlock is not None and act.by_landlock.since <= abi else "open"


@each_identity
@pytest.mark.parametrize("walls", ["both", "seccomp"])
def test_the_filter_refuses_every_act_with_or_without_landlock(walls: str, identity: Identity | None) -> None:
    status, seen = proved(walls, identity)

    assert seen == {act.name: by_filter(act) for act in ACTS}
    assert status == 0


@each_identity
def test_landlock_alone_refuses_what_it_can_and_leaves_the_rest_open(identity: Identity | None) -> None:
    status, seen = proved("landlock", identity)

    assert {name: said for name, (said, _) in seen.items()} == {
        act.name: by_landlock(act, THE_ABI) for act in ACTS
    }
    assert status == 0


@each_identity
@pytest.mark.parametrize("abi", range(MINIMUM_ABI, min(THE_ABI, 10) + 1))
def test_an_older_landlock_refuses_less(abi: int, identity: Identity | None) -> None:
    seen = played("proved", walls="landlock", abi=abi, identity=identity)

    assert dict(seen) == {act.name: by_landlock(act, abi) for act in ACTS}


@pytest.mark.parametrize("abi", range(MINIMUM_ABI, min(THE_ABI, 10) + 1))
def test_behind_the_filter_an_older_landlock_changes_nothing(abi: int) -> None:
    seen = played("proved", walls="both", abi=abi, identity=None)

    assert dict(seen) == {act.name: "refused" for act in ACTS}


@each_identity
def test_without_walls_every_act_works(identity: Identity | None) -> None:
    status, seen = proved("none", identity)

    answers = {act.name: errno.errorcode.get(FURTHER.get(act.name, 0), "works") for act in ACTS}
    assert seen == {name: ("open", answer) for name, answer in answers.items()}
    assert status == 0


def test_every_act_has_its_own_name_and_some_wall() -> None:
    names = [act.name for act in ACTS]

    assert len(set(names)) == len(names)
    assert set(FURTHER) <= set(names)
    assert all(act.by_filter for act in ACTS)


def test_landlock_has_enough_to_do_that_its_proof_means_something() -> None:
    kinds = {act.by_landlock.since for act in ACTS if act.by_landlock is not None}

    assert kinds == {1, 3, 4, 6, 9, 10}


def outcome(answer: int, expected: int | None) -> Outcome:
    """Of an act that the filter refuses with EPERM, and Landlock with EACCES."""
    return Outcome(Act("act", lambda _: answer, by_landlock=ByLandlock(errno.EACCES, 1)), answer, expected)


@pytest.mark.parametrize(
    ("walls", "answer", "expected", "said"),
    [
        ((prove.LANDLOCK,), -errno.EACCES, errno.EACCES, "refused"),
        ((prove.LANDLOCK,), 0, errno.EACCES, "MISSED"),
        ((prove.LANDLOCK,), -errno.EPERM, errno.EACCES, "MISSED"),
        ((prove.LANDLOCK,), 3, None, "open"),
        ((prove.SECCOMP,), 0, errno.EPERM, "MISSED"),
        ((), 0, errno.EPERM, "open"),
        ((), -errno.EINVAL, errno.EPERM, "open"),
        ((), -errno.EPERM, errno.EPERM, "HINDERED"),
        ((), -errno.EACCES, errno.EPERM, "HINDERED"),
    ],
)
def test_an_outcome_is_judged_by_the_very_errno(
    walls: tuple[str, ...], answer: int, expected: int | None, said: str
) -> None:
    assert prove.word(outcome(answer, expected), walls) == said


# --- the command ------------------------------------------------------------------------------------------


def test_the_command_shows_the_filter_and_says_whether_it_can_be_loaded() -> None:
    ran = subprocess.run(_COMMAND, capture_output=True, text=True, timeout=30, check=False)
    lines = ran.stdout.splitlines()

    assert HERE is not None
    assert lines[:_FACTS] == [
        f"architecture {HERE.name}",
        f"filter       sha256:{filter_digest(HERE.name)}",
        "confinement  available",
    ]
    assert lines[_FACTS].split() == ["0", "load", "architecture"]
    assert lines[-1].endswith("fail with EPERM")
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "rule", "line"),
    [
        (["--prove", "none"], {"name": "flock", "error": errno.EPERM}, "HINDERED EPERM        lock a file"),
        (["--prove", "both"], {"name": "seccomp", "error": errno.ENOSYS}, str(_NO_SECCOMP)),
        ([], {"name": "seccomp", "error": errno.ENOSYS}, f"confinement  {_NO_SECCOMP}"),
    ],
)
def test_the_command_says_what_is_not_proved(arguments: list[str], rule: dict[str, Any], line: str) -> None:
    status, said = played("commanded", rule=rule, arguments=arguments)

    assert status == 1
    assert line in said.splitlines()


@pytest.mark.parametrize("identity", ["nobody", "1", "1:", "a:b"])
def test_the_command_knows_identities_by_number_only(
    identity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        prove.main([f"--identity={identity}"])

    assert "--identity" in capsys.readouterr().err
