"""What a content worker may ask of the kernel: tables, and nothing else.

It serves on sockets that it was given, from what it has imported. So it needs to read, write, wait, accept
and manage its memory; it never opens a file, makes a socket, connects, starts a thread or a program, or maps
a page that can be executed. It names no file either, not even to ask for its size: an automounter or a file
server would be asked for that name, which could hold anything.
"""

import errno
from dataclasses import dataclass
from typing import Final

_AF_UNIX: Final = 1
_AT_EMPTY_PATH: Final = 0x1000
_F_DUPFD_CLOEXEC: Final = 1030
_FIOCLEX: Final = 0x5451
_FIONBIO: Final = 0x5421
_FIONCLEX: Final = 0x5450
_FIONREAD: Final = 0x541B
_IPPROTO_TCP: Final = 6
_MSG_FASTOPEN: Final = 0x20000000
_PROT_EXEC: Final = 4
_SOL_SOCKET: Final = 1


@dataclass(frozen=True, slots=True)
class Among:
    """The lower (or upper) 32 bits of an argument, masked, are one of `values`.

    The kernel itself looks at the lower half alone where an argument is an int.
    """

    argument: int  # 0 to 5
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    upper: bool = False


@dataclass(frozen=True, slots=True)
class Tested:
    """A call that is allowed when all its conditions hold; otherwise it fails with `otherwise`.

    `pretended`: when they hold, it is not done, but the caller hears that it was.
    """

    name: str
    conditions: tuple[Among, ...]
    otherwise: int = errno.EPERM
    pretended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Every name stands in one of these places at most; whatever stands in none fails with `otherwise`."""

    allowed: tuple[str, ...]
    tested: tuple[Tested, ...]
    absent: tuple[str, ...]  # ENOSYS, as of a kernel that is older than the call: callers fall back
    otherwise: int


# What servers tune, on either level: buffers, keep-alive, delays, lingering, time-outs. Numbers mean another
# thing on the other level, but nowhere among these is one that attaches a program, binds to a device, repairs
# a connection or puts another protocol on top.
_SOCKET_OPTIONS: Final = (
    1,  # TCP_NODELAY, SO_DEBUG
    2,  # SO_REUSEADDR, TCP_MAXSEG
    3,  # TCP_CORK
    4,  # TCP_KEEPIDLE
    5,  # TCP_KEEPINTVL, SO_DONTROUTE
    6,  # TCP_KEEPCNT, SO_BROADCAST
    7,  # SO_SNDBUF, TCP_SYNCNT
    8,  # SO_RCVBUF, TCP_LINGER2
    9,  # SO_KEEPALIVE, TCP_DEFER_ACCEPT
    12,  # TCP_QUICKACK, SO_PRIORITY
    13,  # SO_LINGER, TCP_CONGESTION
    15,  # SO_REUSEPORT
    18,  # TCP_USER_TIMEOUT, SO_RCVLOWAT
)


def _null(argument: int) -> tuple[Among, Among]:
    return Among(argument, (0,)), Among(argument, (0,), upper=True)


_SERVING: Final = (
    "epoll_pwait",
    "epoll_wait",
    "read",
    "write",
    "recvfrom",
    "recvmsg",
    "writev",
    "readv",
    "epoll_ctl",
    "accept4",
    "close",
    "getsockname",
    "getpeername",
    "getsockopt",
    "shutdown",
    "listen",
    "poll",
    "ppoll",
    "pread64",
    "lseek",
    "fstat",
    "dup",
    "epoll_create1",
    "eventfd2",
    "pipe2",
)
_MEMORY_AND_SIGNALS: Final = (
    "brk",
    "munmap",
    "mremap",
    "madvise",
    "membarrier",
    "futex",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "restart_syscall",
    "exit",
    "exit_group",
)
_ASKING: Final = (
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getrandom",
    "getrusage",
    "times",
    "sysinfo",
    "uname",
    "sched_getaffinity",
    "sched_yield",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "gettimeofday",
)

POLICY: Final = Policy(
    allowed=_SERVING + _MEMORY_AND_SIGNALS + _ASKING,
    tested=(
        # To the peer of a connected socket, never to an address: Fast Open would connect.
        Tested("sendto", (Among(3, (0,), _MSG_FASTOPEN), *_null(4))),
        Tested("mmap", (Among(2, (0,), _PROT_EXEC),)),
        Tested("mprotect", (Among(2, (0,), _PROT_EXEC),)),
        # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL: no locks, leases or owners.
        Tested("fcntl", (Among(1, (0, 1, 2, 3, 4, _F_DUPFD_CLOEXEC)),)),
        Tested("ioctl", (Among(1, (_FIONBIO, _FIOCLEX, _FIONCLEX, _FIONREAD)),), errno.ENOTTY),
        Tested("setsockopt", (Among(1, (_SOL_SOCKET, _IPPROTO_TCP)), Among(2, _SOCKET_OPTIONS))),
        Tested("socketpair", (Among(0, (_AF_UNIX,)),)),
        # Reading the process's own limits.
        Tested("prlimit64", (*_null(0), *_null(2))),
        # What glibc makes of fstat(3), by which Python asks whether a wake-up descriptor is open. The flag says
        # nothing of the path, which a filter cannot read.
        Tested("newfstatat", (Among(3, (_AT_EMPTY_PATH,), _AT_EMPTY_PATH),), pretended=True),
    ),
    absent=(
        # clone3 and openat2 hide their flags behind a pointer; rings do I/O that no filter sees.
        "clone3",
        "openat2",
        "io_uring_setup",
        "io_uring_enter",
        "io_uring_register",
        "faccessat2",
        "epoll_pwait2",
        "close_range",
    ),
    otherwise=errno.EPERM,
)
