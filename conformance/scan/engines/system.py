"""libhs of the system (Hyperscan, or Vectorscan in its place) by ctypes: block mode, whose calls release the GIL."""

import ctypes
import platform
import threading
import weakref
from collections.abc import Sequence
from functools import cache

from conformance.scan.engines.expressions import BLOCK, DOTALL, expression, features
from conformance.scan.engines.interface import Engine, FloodedError, Hits, Matcher

_NAME = "libhs.so.5"  # Debian: libhyperscan5, libvectorscan5
_X86 = ("x86", "amd64", "i386", "i686")
_AVX2 = 1 << 2  # HS_CPU_FEATURES_AVX2
_GROUP = 48  # patterns that the matcher for other processors takes
_MOST = 128  # more passes than these need are slower than one
_TERMINATED = -3  # HS_SCAN_TERMINATED
_OnMatch = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_uint, ctypes.c_ulonglong, ctypes.c_ulonglong, ctypes.c_uint, ctypes.c_void_p
)


class _Platform(ctypes.Structure):
    """hs_platform_info_t."""

    _fields_ = (
        ("tune", ctypes.c_uint),
        ("cpu_features", ctypes.c_ulonglong),
        ("reserved1", ctypes.c_ulonglong),
        ("reserved2", ctypes.c_ulonglong),
    )


def system() -> tuple[Engine, ...]:
    """The system's library, nothing where it is missing or would be slow.

    On x86 also a pass for each group of patterns, compiled as for processors without AVX2: with it, more than eight patterns may
    get a matcher for twice as many that takes half as many bytes at a time. Measured: two passes without beat one with it.
    """
    library = _loaded()
    if library is None or library.hs_valid_platform() != 0 or not _is_fast(library):
        return ()
    release = ctypes.c_char_p(library.hs_version()).value or b""
    told = features(_Database(library, (b"told",)).info())
    version = f"{release.decode('ascii', 'replace').partition(' ')[0]} {told}".strip()
    whole = Engine(name="libhs", version=version, compile=lambda patterns: _Database(library, patterns))
    if not _is_x86():
        return (whole,)
    grouped = Engine(
        name="libhs, in groups", version=version, compile=lambda p: _grouped(library, p), most=_MOST
    )
    return whole, grouped


@cache
def _loaded() -> ctypes.CDLL | None:
    """The loader finds it; `ctypes.util.find_library` would start processes."""
    try:
        library = ctypes.CDLL(_NAME)
    except OSError:
        return None
    library.hs_version.restype = ctypes.c_void_p
    return library


def _is_fast(library: ctypes.CDLL) -> bool:
    """On x86 only with AVX2; Vectorscan needs no such thing elsewhere."""
    if not _is_x86():
        return True
    about = _Platform()
    return library.hs_populate_platform(ctypes.byref(about)) == 0 and bool(about.cpu_features & _AVX2)


def _grouped(library: ctypes.CDLL, patterns: Sequence[bytes]) -> Matcher:
    return _Groups(library, patterns) if 0 < len(patterns) <= _MOST else _Database(library, patterns)


def _is_x86() -> bool:
    return platform.machine().lower().startswith(_X86)


class _Database:
    """A compiled database, and the scratch memory of each thread that scans with it."""

    def __init__(
        self, library: ctypes.CDLL, patterns: Sequence[bytes], plain: _Platform | None = None
    ) -> None:
        """For this machine, or a plainer one."""
        count = len(patterns)
        texts = (ctypes.c_char_p * count)(*map(expression, patterns))
        flags = (ctypes.c_uint * count)(*[DOTALL] * count)
        numbers = (ctypes.c_uint * count)(*range(count))
        self._library = library
        self._handle = ctypes.c_void_p()
        trouble = ctypes.c_void_p()
        machine = ctypes.byref(plain) if plain is not None else None
        status = library.hs_compile_multi(
            texts, flags, numbers, count, BLOCK, machine, ctypes.byref(self._handle), ctypes.byref(trouble)
        )
        if status != 0:
            library.hs_free_compile_error(trouble)
            raise ValueError(f"libhs cannot compile {count} patterns (status {status})")
        weakref.finalize(self, library.hs_free_database, self._handle)
        self._threads = threading.local()

    def info(self) -> bytes:
        """What the library says of the database."""
        text = ctypes.c_char_p()
        if self._library.hs_database_info(self._handle, ctypes.byref(text)) != 0:
            return b""
        return text.value or b""  # a few bytes, once per process: the library's allocator is not known here

    def scan(self, data: bytes | memoryview, most: int) -> Hits:
        """Every match, overlapping ones too."""
        hits: Hits = []

        def found(number: int, _start: int, end: int, _flags: int, _context: object) -> int:
            hits.append((number, end))
            return len(hits) > most

        # The callback lives until the call returns: the library keeps no reference to it.
        callback = _OnMatch(found)
        status = self._library.hs_scan(
            self._handle, _address(data), ctypes.c_uint(len(data)), 0, self._scratch(), callback, None
        )
        if status == _TERMINATED:
            raise FloodedError
        if status != 0:
            raise RuntimeError(f"libhs failed with status {status}")
        return hits

    def _scratch(self) -> ctypes.c_void_p:
        known: _Scratch | None = getattr(self._threads, "scratch", None)
        if known is None:
            known = self._threads.scratch = _Scratch(self._library, self._handle)
        return known.handle


class _Groups:
    """A database for each group of patterns of similar length: the shortest decides how much of all is compared at first."""

    def __init__(self, library: ctypes.CDLL, patterns: Sequence[bytes]) -> None:
        ordered = sorted(range(len(patterns)), key=lambda number: len(patterns[number]))
        passes = -(-len(patterns) // _GROUP)
        size = -(-len(patterns) // passes)
        groups = [ordered[start : start + size] for start in range(0, len(patterns), size)]
        self._databases = [
            (group, _Database(library, [patterns[number] for number in group], _Platform()))
            for group in groups
        ]

    def scan(self, data: bytes | memoryview, most: int) -> Hits:
        """Every match, overlapping ones too."""
        hits: Hits = []
        for numbers, database in self._databases:
            hits += [(numbers[number], end) for number, end in database.scan(data, most - len(hits))]
        if len(self._databases) > 1:
            hits.sort(key=_end)
        return hits


def _end(hit: tuple[int, int]) -> int:
    return hit[1]


class _Scratch:
    """What one thread may use at a time; freed with the thread."""

    def __init__(self, library: ctypes.CDLL, database: ctypes.c_void_p) -> None:
        self.handle = ctypes.c_void_p()
        status = library.hs_alloc_scratch(database, ctypes.byref(self.handle))
        if status != 0:
            raise MemoryError(f"libhs has no scratch memory (status {status})")
        weakref.finalize(self, library.hs_free_scratch, self.handle)


def _address(data: bytes | memoryview) -> ctypes.c_char_p | ctypes.Array[ctypes.c_char]:
    """Where the bytes lie; only a read-only view that is no whole `bytes` has to be copied."""
    if isinstance(data, memoryview) and not data.readonly:
        return (ctypes.c_char * len(data)).from_buffer(data)
    return ctypes.c_char_p(bytes(data))
