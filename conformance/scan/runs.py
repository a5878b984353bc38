"""Runs of base64 or hexadecimal digits that a clue points at, decoded at its phase and scanned again."""

from collections.abc import Iterable
from typing import Protocol

from conformance.scan.carve import Believed, Outlet, begins_stream
from conformance.scan.patterns import Digits
from conformance.scan.views import ALPHABETS, Alphabet, drop_breaks

_TRIED = 512  # characters in which a stream must show that it is one
_TELLING = 64  # characters: shorter runs that seem to begin a stream are met by chance in random bytes
_BEFORE = 256  # digits before a needle, which may be read backwards
_PIECE = 1 << 16


class Host(Protocol):
    """Whoever scans what runs decode to."""

    def outlet(self, name: str, offset: int, believed: Believed) -> Outlet | None:
        """A place for what a run at an offset decodes to; one is open at a time."""

    def branch(self, name: str, offset: int, believed: Believed) -> Outlet | None:
        """A place beside others that are open."""


class Runs:
    """The runs of one host, in windows given in order. One that touches a window's end goes on in the next."""

    def __init__(self, host: Host) -> None:
        """Begin with no open run."""
        self._host = host
        self._open: list[_Run] = []
        self._fed = 0
        self._until: dict[tuple[str, int], int] = {}  # offsets behind the last run of each phase

    def take(
        self, window: bytes | memoryview, at: int, found: Iterable[tuple[int, Digits]], *, last: bool
    ) -> None:
        """Decode what the digits found at these offsets are a part of."""
        end = at + len(window)
        for run in self._open:
            run.feed(window, at, self._fed)
        self._fed = end
        for offset, digits in found:
            self._decode(window, at, offset, digits)
        going_on = [run for run in self._open if run.end is None]
        for run in self._open:
            if last or run.end is not None:
                run.close()
        self._open = [] if last else going_on

    def _decode(self, window: bytes | memoryview, at: int, offset: int, digits: Digits) -> None:
        alphabet = ALPHABETS[digits.alphabet]
        begin = offset - digits.lead
        phase = alphabet.name, begin % alphabet.unit
        if begin < max(at, self._until.get(phase, 0)):
            return
        if not digits.stream:
            begin -= _digits_before(window[max(0, begin - at - _BEFORE) : begin - at], alphabet)
        elif not self._believed(window, begin - at, alphabet):
            return
        self._until[phase] = self._run(window, at, begin, alphabet)

    def _believed(self, window: bytes | memoryview, begin: int, alphabet: Alphabet) -> bool:
        """Short looks first: three digits meet by chance all the time."""
        glance = alphabet.glance.match(window, begin)
        if glance is None or not begins_stream(alphabet.decode(_joined(glance[0])), tried=False):
            return False
        digits, _ = _leading(bytes(window[begin : begin + _TRIED]), alphabet)
        return begins_stream(alphabet.decode(digits), tried=True)

    def _run(self, window: bytes | memoryview, at: int, begin: int, alphabet: Alphabet) -> int:
        """Decode a run; the offset behind it, as far as the window tells."""
        run = _Run(alphabet)
        run.feed(window, at, begin)
        behind = at + len(window) if run.end is None else run.end
        room = self._host.branch if run.end is None else self._host.outlet
        outlet = room(alphabet.name, begin, lambda: behind - begin >= _TELLING)
        if outlet is None:
            return at + len(window)
        run.into(outlet)
        if run.end is None:
            self._open.append(run)
            return at + len(window)
        run.close()
        return run.end


class _Run:
    """A run being decoded."""

    def __init__(self, alphabet: Alphabet) -> None:
        self.end: int | None = None  # offset behind it, once it ended
        self._alphabet = alphabet
        self._rest = b""
        self._waiting: list[bytes] = []
        self._outlet: Outlet | None = None

    def feed(self, window: bytes | memoryview, at: int, begin: int) -> None:
        """Decode the digits from an offset on."""
        for start in range(begin - at, len(window), _PIECE):
            piece = bytes(window[start : start + _PIECE])
            digits, ended = _leading(piece, self._alphabet)
            self._decode(self._rest + digits)
            if ended:
                self.end = at + start + len(digits)
                return

    def into(self, outlet: Outlet) -> None:
        """Hand on what was decoded and will be."""
        self._outlet = outlet
        for piece in self._waiting:
            outlet.feed(piece)
        self._waiting = []

    def close(self) -> None:
        """Decode the rest."""
        if self._outlet is not None:
            self._outlet.feed(self._alphabet.decode(self._rest))
            self._outlet.close()

    def _decode(self, digits: bytes) -> None:
        whole = len(digits) // self._alphabet.unit * self._alphabet.unit
        self._rest = digits[whole:]
        decoded = self._alphabet.decode(digits[:whole])
        if self._outlet is None:
            self._waiting.append(decoded)
        else:
            self._outlet.feed(decoded)


def _joined(digits: bytes) -> bytes:
    return digits.translate(None, b"\r\n\0\\")


def _leading(data: bytes, alphabet: Alphabet) -> tuple[bytes, bool]:
    """The digits that some bytes begin with, and whether anything else follows them."""
    joined = drop_breaks(data)
    match = alphabet.run.match(joined)
    digits = match[0] if match else b""
    return digits, len(digits) < len(joined)


def _digits_before(data: bytes | memoryview, alphabet: Alphabet) -> int:
    """How many digits some bytes end with, in whole units."""
    before = bytes(data)
    count = len(before) - len(before.rstrip(alphabet.digits))
    return count // alphabet.unit * alphabet.unit
