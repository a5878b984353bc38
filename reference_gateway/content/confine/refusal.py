"""Why a process could not be confined, in words for the operator."""

from enum import Enum, unique


@unique
class Reason(Enum):
    """Each says what is missing and what to do about it."""

    ARCHITECTURE = "no system call numbers are known for this machine; run on 64-bit x86_64 or aarch64"
    NO_PROC = "/proc is not mounted, so threads, descriptors and mappings cannot be seen; mount it"
    THREADS = "a thread exists already and would stay outside; confine before any is started"
    NULL_DEVICE = "/dev/null is missing or is not the null device; create it (mknod /dev/null c 1 3)"
    DESCRIPTOR = (
        "a kept descriptor is closed, a standard stream, or neither read-only nor a stream socket, or another "
        "one cannot be closed; report this"
    )
    SHARED_MEMORY = "memory is shared for writing with a file, a ring or another process; confine before that"
    LIMITS = "the limits on file size and core files cannot be set to 0; allow setrlimit(2)"
    IDENTITY = "the user or group cannot be changed; start as root, or leave the dedicated identity out"
    PRIVILEGES = (
        "capabilities or the dumpable flag cannot be dropped; allow capset(2), prctl(2), personality(2)"
    )
    ORPHANED = "the supervisor ended meanwhile; start it again"
    LANDLOCK_MISSING = (
        "the kernel has no Landlock, or a container runtime hides it; run Linux 6.2 or later with "
        "CONFIG_SECURITY_LANDLOCK and a runtime of 2022 or later"
    )
    LANDLOCK_OFF = "Landlock is compiled in but off; add landlock to the kernel's lsm= boot parameter"
    LANDLOCK_OLD = "Landlock cannot refuse truncation (ABI below 3); run Linux 6.2 or later"
    LANDLOCK_FORBIDDEN = "a container's filter forbids the landlock_* system calls; allow these three"
    LANDLOCK_LAYERS = "16 Landlock layers are in force already; start outside of some of them"
    SECCOMP_MISSING = "the kernel has no seccomp filters; run one with CONFIG_SECCOMP_FILTER"
    SECCOMP_FORBIDDEN = "a container's filter forbids seccomp(2); allow it"
    NOT_REFUSED = "the walls stand, yet the kernel let pass what they must refuse; report this kernel"


class NotConfinedError(RuntimeError):
    """A wall could not be raised: the process is confined in part at most and must end.

    `detail` is of this program's own making: an errno's name, a number, the name of an act.
    """

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """The message is one line."""
        self.reason = reason
        self.detail = detail
        seen = f" ({detail})" if detail else ""
        super().__init__(
            f"content workers cannot be confined: {reason.value}{seen}; or serve without this "
            "protection: --unconfined"
        )
