"""Kernels and processes that cannot be confined: each is told apart, in words that say what to do."""

import errno
from pathlib import Path
from typing import Any, Final

import pytest

from reference_gateway.content.confine import NotConfinedError, Reason, confine, walls
from tests.reference_gateway.confine.scenes import KINDS
from tests.reference_gateway.confine.stage import IDENTITIES, NOBODY, played

_SET_DUMPABLE: Final = 4


def rule(name: str, error: int, **condition: int) -> dict[str, Any]:
    return {"name": name, "error": error, **condition}


def refused_for(reason: Reason, detail: str = "") -> str:
    return str(NotConfinedError(reason, detail))


KERNELS: Final = {
    "no Landlock": (rule("landlock_create_ruleset", errno.ENOSYS), Reason.LANDLOCK_MISSING, "ENOSYS"),
    # Python's name for the same number.
    "Landlock off": (rule("landlock_create_ruleset", errno.EOPNOTSUPP), Reason.LANDLOCK_OFF, "ENOTSUP"),
    "Landlock forbidden": (rule("landlock_create_ruleset", errno.EPERM), Reason.LANDLOCK_FORBIDDEN, "EPERM"),
    "restriction forbidden": (
        rule("landlock_restrict_self", errno.EPERM),
        Reason.LANDLOCK_FORBIDDEN,
        "EPERM",
    ),
    "restriction hidden": (rule("landlock_restrict_self", errno.ENOSYS), Reason.LANDLOCK_MISSING, "ENOSYS"),
    "no seccomp": (rule("seccomp", errno.ENOSYS), Reason.SECCOMP_MISSING, "ENOSYS"),
    "no filters": (rule("seccomp", errno.EINVAL), Reason.SECCOMP_MISSING, "EINVAL"),
    "seccomp forbidden": (rule("seccomp", errno.EPERM), Reason.SECCOMP_FORBIDDEN, "EPERM"),
    "limits forbidden": (rule("prlimit64", errno.EPERM), Reason.LIMITS, ""),
    "capset forbidden": (rule("capset", errno.EPERM), Reason.PRIVILEGES, "capset: EPERM"),
    "prctl forbidden": (rule("prctl", errno.EPERM), Reason.PRIVILEGES, "prctl: EPERM"),
    "personality forbidden": (rule("personality", errno.EPERM), Reason.PRIVILEGES, "personality: EPERM"),
    "dumpable all the same": (rule("prctl", 0, argument=0, value=_SET_DUMPABLE), Reason.PRIVILEGES, ""),
    "no files to be seen": (rule("openat", errno.EACCES), Reason.NO_PROC, ""),
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_that_cannot_confine_is_named_with_what_to_do(kernel: str) -> None:
    wrong, reason, detail = KERNELS[kernel]

    told = played("refusing", rules=[wrong])

    assert told == dict.fromkeys(("available", "confine"), refused_for(reason, detail))


def test_a_filter_that_is_said_to_be_loaded_and_is_not_is_noticed() -> None:
    told = played("refusing", rules=[rule("seccomp", 0)])

    assert told["available"] == told["confine"]
    assert Reason.NOT_REFUSED.value in told["confine"]
    assert "watch a folder" in told["confine"]


def test_a_restriction_that_is_said_to_be_in_force_and_is_not_is_noticed() -> None:
    told = played("refusing", rules=[rule("landlock_restrict_self", 0)])

    seen = "open the null device for writing, read a file, list the root folder"
    assert told == dict.fromkeys(("available", "confine"), refused_for(Reason.NOT_REFUSED, seen))


def test_an_older_landlock_is_refused() -> None:
    assert played("old", abi=2)["available"] == refused_for(Reason.LANDLOCK_OLD, "ABI 2")


def test_the_oldest_landlock_that_is_a_wall_is_enough() -> None:
    assert played("old", abi=3)["available"] is None


def test_landlock_without_a_layer_left_is_told_apart() -> None:
    told = played("layered")

    assert told == dict.fromkeys(("available", "confine"), refused_for(Reason.LANDLOCK_LAYERS, "E2BIG"))


def test_a_machine_without_known_numbers_is_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walls, "HERE", None)

    with pytest.raises(NotConfinedError) as refused:
        confine([])

    assert refused.value.reason is Reason.ARCHITECTURE


# --- what a process brings along --------------------------------------------------------------------------


@pytest.mark.parametrize("identity", IDENTITIES, ids=str)
def test_a_process_that_brings_nothing_along_can_be_confined(identity: tuple[int, int] | None) -> None:
    assert played("plain", identity=identity) == {"available": None, "confine": None}


def test_a_change_of_identity_takes_privileges() -> None:
    told = played("powerless", identity=NOBODY)

    assert told == dict.fromkeys(("available", "confine"), refused_for(Reason.IDENTITY, "EPERM"))


def test_a_thread_that_existed_before_is_refused() -> None:
    assert played("threaded")["confine"] == refused_for(Reason.THREADS, "2 threads")


@pytest.mark.parametrize("scene", ["sharing_memory", "sharing_a_file"])
def test_memory_that_is_shared_for_writing_is_refused(scene: str) -> None:
    told = played(scene)

    assert told == dict.fromkeys(("available", "confine"), refused_for(Reason.SHARED_MEMORY, "mappings: 1"))


def test_an_event_loop_with_a_ring_is_refused() -> None:
    told = played("looping")

    assert bool(told["confine"]) is bool(told["ring"])
    assert bool(told["available"]) is bool(told["ring"])


def test_a_null_device_that_is_a_file_is_refused() -> None:
    told = played("misled")

    assert told == dict.fromkeys(("available", "confine"), refused_for(Reason.NULL_DEVICE))


def test_a_parent_that_ended_meanwhile_is_noticed() -> None:
    assert played("orphaned") == refused_for(Reason.ORPHANED)


HARMLESS: Final = ("file for reading", "end of a pipe to read from", "stream socket", "packet socket")


@pytest.mark.parametrize("kind", HARMLESS)
def test_a_descriptor_that_leads_to_a_peer_or_to_nothing_is_kept(kind: str, tmp_path: Path) -> None:
    assert played("keeping", kind=kind, folder=str(tmp_path))["confine"] is None


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(HARMLESS)))
def test_a_descriptor_that_could_take_content_elsewhere_is_refused(kind: str, tmp_path: Path) -> None:
    told = played("keeping", kind=kind, folder=str(tmp_path))["confine"]

    assert told is not None
    assert Reason.DESCRIPTOR.value in told


def test_the_first_process_of_a_namespace_can_be_confined_and_so_can_its_child() -> None:
    assert played("in_a_namespace") == [1, 0, {"available": None, "confine": None}]


# --- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_one_line_with_what_is_wrong_and_what_to_do(reason: Reason) -> None:
    line = refused_for(reason, "seen")

    assert "\n" not in line
    assert line.startswith("content workers cannot be confined: ")
    assert "; " in reason.value
    assert "(seen)" in line
    assert line.endswith("--unconfined")
