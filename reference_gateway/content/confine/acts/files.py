"""Acts upon files: to write, to make, to remove, to mark, and to read."""

import os
import struct
from errno import EACCES, ENODATA, ENOSYS
from typing import Final

from reference_gateway.content.confine.acts.act import Act, ByLandlock, Ground, closed, undone
from reference_gateway.content.confine.kernel import call

_HERE: Final = -100 % 2**32  # AT_FDCWD
_BY_DESCRIPTOR: Final = 0x1000  # AT_EMPTY_PATH, here with a path that is not empty
_CREATE: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY
_FOLDER: Final = 0x200  # AT_REMOVEDIR
_FIFO: Final = 0o010000
_LOCK_SHARED: Final = 1
_LEASE: Final = 1024  # F_SETLEASE
_READ_LEASE, _NO_LEASE = 0, 2
_ROOT: Final = b"/"

_PATH: Final = ByLandlock(EACCES, 1)


def _create(path: bytes) -> int:
    return undone(closed(call("openat", _HERE, path, _CREATE, 0o600)), "unlinkat", _HERE, path, 0)


def _temporary(ground: Ground) -> int:
    return closed(call("openat", _HERE, ground.folder, os.O_TMPFILE | os.O_WRONLY, 0o600))


def _shared_memory(_ground: Ground) -> int:
    return _create(b"/dev/shm/gateproof-%d" % os.getpid())


def _open2(ground: Ground) -> int:
    how = struct.pack("<QQQ", os.O_WRONLY, 0, 0)
    return closed(call("openat2", _HERE, ground.file, how, len(how)))


def _mkdir(ground: Ground) -> int:
    return undone(call("mkdirat", _HERE, ground.new, 0o700), "unlinkat", _HERE, ground.new, _FOLDER)


def _symlink(ground: Ground) -> int:
    return undone(call("symlinkat", b"content", _HERE, ground.new), "unlinkat", _HERE, ground.new, 0)


def _link(ground: Ground) -> int:
    return undone(call("linkat", _HERE, ground.spare, _HERE, ground.new, 0), "unlinkat", _HERE, ground.new, 0)


def _fifo(ground: Ground) -> int:
    return undone(call("mknodat", _HERE, ground.new, _FIFO | 0o600, 0), "unlinkat", _HERE, ground.new, 0)


def _rename(ground: Ground) -> int:
    back = (_HERE, ground.new, _HERE, ground.spare, 0)
    return undone(call("renameat2", _HERE, ground.spare, _HERE, ground.new, 0), "renameat2", *back)


def _attribute(ground: Ground) -> int:
    answer = call("setxattr", ground.file, b"user.gateproof", b"content", 7, 0)
    return undone(answer, "removexattr", ground.file, b"user.gateproof")


def _message_queue(ground: Ground) -> int:
    """Landlock refuses to open it only once it is made, as a name without content; so it is removed anyhow."""
    answer = closed(call("mq_open", ground.queue, _CREATE, 0o600, None))
    call("mq_unlink", ground.queue)
    return answer


def _lease(ground: Ground) -> int:
    descriptor = call("openat", _HERE, ground.file, os.O_RDONLY, 0)
    answer = undone(call("fcntl", descriptor, _LEASE, _READ_LEASE), "fcntl", descriptor, _LEASE, _NO_LEASE)
    call("close", descriptor)
    return answer


def _size_by_descriptor(_ground: Ground) -> int:
    """The filter says that it was done, and does nothing."""
    told = bytearray(256)
    answer = call("newfstatat", _HERE, _ROOT, told, _BY_DESCRIPTOR)
    return -ENODATA if answer == 0 and not any(told) else answer


#: On what exists everywhere, and is Landlock's to refuse: they tell whether it stands before a filter does.
ANYWHERE: Final = (
    Act(
        "open the null device for writing",
        lambda _: closed(call("openat", _HERE, b"/dev/null", os.O_WRONLY, 0)),
        by_landlock=_PATH,
    ),
    Act("read a file", lambda g: closed(call("openat", _HERE, g.file, 0, 0)), by_landlock=_PATH),
    Act(
        "list the root folder",
        lambda _: closed(call("openat", _HERE, _ROOT, os.O_DIRECTORY, 0)),
        by_landlock=_PATH,
    ),
)
ACTS: Final = (
    *ANYWHERE,
    Act(
        "open an existing file for writing",
        lambda g: closed(call("openat", _HERE, g.file, os.O_WRONLY, 0)),
        by_landlock=_PATH,
    ),
    Act("open a file by openat2", _open2, by_filter=ENOSYS, by_landlock=_PATH),
    Act("create a file", lambda g: _create(g.new), by_landlock=_PATH),
    Act("create a file without a name", _temporary, by_landlock=_PATH),
    Act("create a file in shared memory", _shared_memory, by_landlock=_PATH),
    Act(
        "truncate a file by its path",
        lambda g: call("truncate", g.file, 0),
        by_landlock=ByLandlock(EACCES, 3),
    ),
    Act("make a folder", _mkdir, by_landlock=_PATH),
    Act("make a symbolic link", _symlink, by_landlock=_PATH),
    Act("make a hard link", _link, by_landlock=_PATH),
    Act("make a named pipe", _fifo, by_landlock=_PATH),
    Act("make a message queue", _message_queue, by_landlock=_PATH),
    Act("rename a file", _rename, by_landlock=_PATH),
    Act("remove a file", lambda g: call("unlinkat", _HERE, g.spare, 0), by_landlock=_PATH),
    Act("set an extended attribute", _attribute),
    Act("change a file's mode", lambda g: call("fchmodat", _HERE, g.file, 0o666)),
    Act("change a file's owner", lambda g: call("fchownat", _HERE, g.file, -1, -1, 0)),
    Act("change a file's times", lambda g: call("utimensat", _HERE, g.file, None, 0)),
    Act("lock a file", lambda _: call("flock", 0, _LOCK_SHARED)),
    Act("take a lease on a file", _lease),
    Act("watch a folder", lambda _: closed(call("inotify_init1", 0))),
    Act("ask for a file's size", lambda _: call("newfstatat", _HERE, _ROOT, bytearray(256), 0)),
    Act("ask for a file's size as if by descriptor", _size_by_descriptor, by_filter=ENODATA),
    Act("ask for a file's size by statx", lambda _: call("statx", _HERE, _ROOT, 0, 0, bytearray(256))),
    Act("read a symbolic link", lambda _: call("readlinkat", _HERE, b"/proc/self/exe", bytearray(64), 64)),
)
